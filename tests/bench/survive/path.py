"""A slow and lossy path of IP packets in user space, where the kernel has no netem: needs root and /dev/net/tun.

Whoever connects to the address `far` is answered by a server of this machine that listens on `near`: each packet goes
out by a TUN device, waits, may be thrown away, and comes in again with its two addresses exchanged, which leaves all
checksums right. What it leaves out: a rate, reordering, duplicates, IPv6.
"""

from __future__ import annotations

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
LARGEST = 65536
COMMAND_S = 10.0


class NoPathError(Exception):
    """This user, or this kernel, has no such device."""


class Path:
    """A context manager; ``delay_s`` is of one way, ``loss`` a share of all packets, drawn by ``seed``."""

    def __init__(self, delay_s: float, loss: float = 0.0, seed: int = 0) -> None:
        net = os.getpid() % 65536
        # 198.18.0.0/15 is set apart for tests of networks (RFC 2544); a net of its own for each process.
        start = f"198.{18 + (net >> 14 & 1)}.{net >> 6 & 255}"
        self.near, self.far = (f"{start}.{(net & 63) * 4 + last}" for last in (1, 2))
        self.lost = 0
        self._delay_s, self._loss, self._draw = delay_s, loss, random.Random(seed)
        self._name = f"zpath{net}"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="path", daemon=True)

    def __enter__(self) -> Path:
        try:
            self._fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        except OSError as error:
            raise NoPathError(f"/dev/net/tun: {error.strerror}") from error
        try:
            fcntl.ioctl(self._fd, TUNSETIFF, struct.pack("16sH22x", self._name.encode(), IFF_TUN | IFF_NO_PI))
            for command in (["addr", "add", f"{self.near}/30", "dev"], ["link", "set", "up", "dev"]):
                subprocess.run(["ip", *command, self._name], check=True, capture_output=True, timeout=COMMAND_S)
        except (OSError, subprocess.CalledProcessError) as error:
            os.close(self._fd)
            raise NoPathError(str(error)) from error
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(COMMAND_S)
        os.close(self._fd)  # and with it goes the device

    def _carry(self) -> None:
        under_way: list[tuple[float, int, bytes]] = []
        number = 0
        while not self._stop.is_set():
            wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else 0.05
            if select.select([self._fd], [], [], min(wait, 0.05))[0]:
                packet = os.read(self._fd, LARGEST)
                number += 1
                if packet[0] >> 4 == 4:
                    self._take(under_way, number, packet)
            while under_way and under_way[0][0] <= time.monotonic():
                os.write(self._fd, heapq.heappop(under_way)[2])

    def _take(self, under_way: list[tuple[float, int, bytes]], number: int, packet: bytes) -> None:
        if self._draw.random() < self._loss:
            self.lost += 1
            return
        exchanged = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
        heapq.heappush(under_way, (time.monotonic() + self._delay_s, number, exchanged))
