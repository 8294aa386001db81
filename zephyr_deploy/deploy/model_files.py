"""The files of a model, in a folder or on the hub: their names, and parts of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from zephyr_deploy.errors import ConfigError, UnreachableError
from zephyr_deploy.hub import endpoint, read_file
from zephyr_deploy.node.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ASK_S = 5.0
"""Longest wait for one answer of the hub, in seconds: a plan can do without it."""
PAUSES_S = (0.5,)
"""Before the hub is asked again where it is in trouble, in seconds."""
AT_ONCE = 8
"""Files whose headers are asked for side by side."""


class ModelFiles(Protocol):
    """Where the files of one version of a model are."""

    @property
    def sizes(self) -> Mapping[str, int | None]:
        """Bytes, by name; None where the hub does not say."""

    @property
    def at_once(self) -> int:
        """How many may be read side by side."""

    def read(self, name: str, most: int, start: int = 0) -> bytes:
        """The bytes of a file from ``start`` on, at most so many.

        Raises:
            ZephyrError: it cannot be read.
        """


@dataclass(frozen=True)
class Folder:
    """A folder of this machine."""

    path: Path
    sizes: Mapping[str, int | None]
    at_once: int = 1

    @classmethod
    def at(cls, path: Path) -> Folder:
        """Look into a folder.

        Raises:
            ConfigError: it cannot be read.
        """
        try:
            return cls(path, {entry.name: entry.stat().st_size for entry in path.iterdir() if entry.is_file()})
        except OSError as error:
            raise _unreadable(path, error) from error

    def read(self, name: str, most: int, start: int = 0) -> bytes:
        """See `ModelFiles.read`."""
        try:
            with (self.path / name).open("rb") as file:
                file.seek(start)
                return file.read(most)
        except OSError as error:
            raise _unreadable(self.path / name, error) from error


@dataclass(frozen=True)
class HubFiles:
    """One commit of a repository of the hub."""

    repository: str
    commit: str
    sizes: Mapping[str, int | None]
    bearer: str
    """The token to show; empty: the hub library's own."""
    deadline: Deadline
    """For all of it."""
    at_once: int = AT_ONCE

    def read(self, name: str, most: int, start: int = 0) -> bytes:
        """See `ModelFiles.read`."""
        left = self.deadline.left(ASK_S)
        if not left:
            raise UnreachableError(
                f"the hub, {endpoint()}, took longer than {self.deadline.seconds:g} s to describe {self.repository}",
                hint="Try again: what was read is kept.",
            )
        return read_file(
            self.repository,
            self.commit,
            name,
            start=start,
            most=most,
            bearer=self.bearer,
            ask_s=left,
            pauses=PAUSES_S,
        )


def _unreadable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be read: {error.strerror}", hint=f"See: ls -l {path}")
