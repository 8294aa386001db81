"""The kernel's receive stamps, and how they relate to the clock that everything else is measured by.

The kernel stamps a packet when it arrives, by CLOCK_REALTIME, so that a reader who comes late still knows when it came.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SO_TIMESTAMPNS = 35
"""Option, and type of the control message that it brings (Linux, asm-generic/socket.h); Python has no name for it."""
CONTROL_ROOM = socket.CMSG_SPACE(16)
"""Bytes for one control message with a ``struct timespec`` of two 64-bit numbers."""
STEP_NS = 100_000
"""Two clocks that have moved against each other by more than this were not only read imprecisely: one was set."""
TRIES = 3
PROBES = 5
PROBE_S = 0.002
"""Between two of them: kernels begin to stamp some time after they are asked to."""
NO_STAMP = 0

Control = list[tuple[int, int, bytes]]
_TIMESPEC = struct.Struct("qq")
UNSTAMPED = bytes(_TIMESPEC.size)
"""In place of what the kernel writes."""


def ask_for_stamps(sock: socket.socket) -> None:
    """Have the kernel stamp what ``sock`` receives; where it does not know how, reads are stamped by our clock."""
    if sys.platform == "linux":
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


@cache
def are_stamps_given() -> bool:
    """Whether the kernel truly stamps what is received: a packet that this process sends itself tells."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        ask_for_stamps(sock)
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(PROBE_S)
        for _ in range(PROBES):
            sock.sendto(b"?", sock.getsockname())
            if stamps_of([data for _, kind, data in sock.recvmsg(1, CONTROL_ROOM)[1] if kind == SO_TIMESTAMPNS]):
                return True
            time.sleep(PROBE_S)
    return False


def stamps_of(written: Sequence[bytes]) -> list[int]:
    """What the kernel wrote, in ns of CLOCK_REALTIME; `NO_STAMP` where that is no stamp."""
    whole = b"".join([one if len(one) == _TIMESPEC.size else UNSTAMPED for one in written])
    return [seconds * 1_000_000_000 + nanoseconds for seconds, nanoseconds in _TIMESPEC.iter_unpack(whole)]


def realtime_offset_ns() -> int:
    """CLOCK_REALTIME minus ``time.perf_counter_ns``, from the tightest of a few readings.

    The kernel slews both clocks alike, so that the difference stays the same until somebody sets the time.
    """
    return min(_reading() for _ in range(TRIES))[1]


def _reading() -> tuple[int, int]:
    """How long one reading took, and what it found."""
    before = time.perf_counter_ns()
    realtime = time.time_ns()
    after = time.perf_counter_ns()
    return after - before, realtime - (before + after) // 2
