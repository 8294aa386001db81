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
NS_PER_S = 1_000_000_000

Control = list[tuple[int, int, bytes]]
_TIMESPEC = struct.Struct("qq")
STAMP = _TIMESPEC.size
"""Bytes of one."""
UNSTAMPED = bytes(STAMP)
"""In place of what the kernel writes."""


def ask_for_stamps(sock: socket.socket) -> None:
    """Have the kernel stamp what ``sock`` receives; where it does not know how, reads are stamped by our clock."""
    if sys.platform == "linux":
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def stamp_in(control: Control) -> bytes:
    """What the kernel wrote with a read; `UNSTAMPED` where it did not."""
    for level, kind, stamp in control:
        if kind == SO_TIMESTAMPNS and level == socket.SOL_SOCKET and len(stamp) == STAMP:
            return stamp
    return UNSTAMPED


@cache
def are_stamps_given() -> bool:
    """Whether the kernel truly stamps what is received: a packet that this process sends itself tells."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        ask_for_stamps(sock)
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(PROBE_S)
        for _ in range(PROBES):
            sock.sendto(b"?", sock.getsockname())
            if any(stamp_in(sock.recvmsg(1, CONTROL_ROOM)[1])):
                return True
            time.sleep(PROBE_S)
    return False


def times_of(stamps: bytes | bytearray, offset_ns: int) -> list[int]:
    """What the kernel wrote, one stamp after the other, in ns of the clock to which CLOCK_REALTIME has this offset.

    What is `UNSTAMPED` becomes minus the offset.
    """
    return [seconds * NS_PER_S + nanoseconds - offset_ns for seconds, nanoseconds in _TIMESPEC.iter_unpack(stamps)]


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
