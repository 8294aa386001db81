"""What Docker's environment files can hold (`docker run --env-file`, docker/cli opts/file.go of 20.10).

A line is a name, ``=``, and the value as it is: nothing is quoted, nothing expanded. ``#`` begins a comment, a carriage
return before the line's end is dropped, and a line longer than 64 KiB ends the reading.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zephyr_deploy.engines.base import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST_LINE = 64 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def env_problems(env: Mapping[str, str]) -> Iterator[Problem]:
    """Why a variable would not reach the container as it is; values are not repeated."""
    for name, value in env.items():
        reason, fix = _wrong(name, value)
        if reason:
            yield Problem(
                f"engine.env.{name!r}" if reason.startswith("its name") else f"engine.env.{name}", reason, fix
            )


def _wrong(name: str, value: str) -> tuple[str, str]:
    if not _NAME.fullmatch(name):
        return "its name is none that Docker takes", "Write letters, digits and _."
    if not value:
        return "it is empty, and engines read an empty value as a value", "Leave it out."
    if any(letter in value for letter in "\n\r\0"):
        return "it has several lines, or a zero byte", "Docker's environment files hold one line each."
    if len(f"{name}={value}".encode()) >= LONGEST_LINE:
        return "it is longer than the 64 KiB that Docker reads", "Put it into a file of the image."
    return "", ""
