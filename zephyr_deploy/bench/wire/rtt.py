"""The network's round trip as TCP itself measures it, without a probe."""

from __future__ import annotations

import socket
import struct
import sys

MIN_RTT_AT = 148
"""Offset of ``tcpi_min_rtt``, a u32 of microseconds, in ``struct tcp_info`` (linux/tcp.h, since Linux 4.6)."""
_U32 = struct.Struct("I")


def rtt_ns(sock: socket.socket) -> int | None:
    """The smallest round trip of the last minutes; None where the system does not tell.

    Not the smoothed one: a server that acknowledges a request only with its answer, up to 40 ms later, is in that.
    """
    if sys.platform != "linux":
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, MIN_RTT_AT + _U32.size)
    except OSError:
        return None
    if len(info) < MIN_RTT_AT + _U32.size:
        return None
    microseconds: int = _U32.unpack_from(info, MIN_RTT_AT)[0]
    return microseconds * 1000 if microseconds < 0xFFFFFFFF else None  # noqa: PLR2004 - the kernel's "never measured"
