"""Connections of the node's programs that are open, and bring nothing any more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zephyr_deploy.agent.shell import run

if TYPE_CHECKING:
    from collections.abc import Iterator

_LAST_RECEIVED = re.compile(r"\blastrcv:(\d+)")


def silent(listing: str, program: str, silent_s: float) -> Iterator[tuple[str, str]]:
    """Both ends of the connections over which ``program`` has received nothing for ``silent_s`` seconds.

    ``listing`` is what ``ss -Htnpi state established`` prints: a line for each connection, and an indented one on it.
    """
    ends: list[str] = []
    for line in listing.splitlines():
        if not line[:1].isspace():
            ends = line.split()[2:4] if f'(("{program}",' in line else []
        elif ends and (found := _LAST_RECEIVED.search(line)) and int(found[1]) >= silent_s * 1000:
            yield ends[0], ends[1]


def cut_silent(program: str, silent_s: float) -> None:
    """Cut the connections over which ``program`` has received nothing for ``silent_s`` seconds, as far as can be done.

    The kernel does it (``CONFIG_INET_DIAG_DESTROY``, which the kernels of Debian, Ubuntu and Red Hat have).
    """
    for here, there in silent(run(["ss", "-Htnpi", "state", "established"]).out, program, silent_s):
        run(["ss", "-K", "-tn", "src", here, "dst", there])
