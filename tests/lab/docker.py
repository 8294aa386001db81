"""The docker command line, with a deadline on every call."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LABEL = "zephyr-lab"
"""Label of everything that the lab makes in an engine."""
CALL_S = 60.0


class LabError(RuntimeError):
    """Something in the lab failed; the message holds the command and what it said."""


class LabUnavailableError(LabError):
    """This machine cannot run the lab; the message says what is missing."""


@dataclass(frozen=True)
class Docker:
    """One Docker engine; ``host`` is its address, None for docker's own default."""

    host: str | None = None

    def __call__(self, *args: str, timeout_s: float = CALL_S, stdin: bytes | None = None) -> str:
        """Run ``docker ARGS`` and return what it printed, stripped; `LabError` if it fails or takes too long."""
        done = self.try_(*args, timeout_s=timeout_s, stdin=stdin)
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise LabError(f"docker {' '.join(args[:4])} …: exit code {done.returncode}: {said[-2000:]}")
        return done.stdout.decode(errors="replace").strip()

    def try_(
        self, *args: str, timeout_s: float = CALL_S, stdin: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``docker ARGS``, whatever its exit code; `LabError` if it takes longer than ``timeout_s`` seconds."""
        try:
            return subprocess.run(
                ["docker", *args],
                input=stdin if stdin is not None else b"",
                capture_output=True,
                env=self.env(),
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"docker {' '.join(args[:4])} …: no end after {timeout_s:g} s") from error

    def inspect(self, thing: str) -> dict[str, Any]:
        """What the engine knows of a container, image, network or volume; `LabError` if there is none."""
        found: dict[str, Any] = json.loads(self("inspect", thing))[0]
        return found

    def exists(self, kind: str, name: str) -> bool:
        """Whether there is a ``container``, ``image``, ``network`` or ``volume`` of that name."""
        return self.try_(kind, "inspect", name).returncode == 0

    def env(self) -> Mapping[str, str]:
        """Environment for a child that is to speak to this engine."""
        return os.environ if self.host is None else {**os.environ, "DOCKER_HOST": self.host}
