"""An event loop whose time passes at once, a clock by it, and a server that is a queue: no test waits for either."""

from __future__ import annotations

import asyncio
import selectors
from contextlib import contextmanager

from zephyr_deploy.errors import ZephyrError

NS = 1_000_000_000


class _Leap(selectors.SelectSelector):
    """Waits by moving the loop's time on."""

    passed = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everything waits for something that never comes")
            self.passed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self):
        return 1.0 + self._leap.passed


class VirtualClock:
    """`zephyr_deploy.bench.load.clock.Clock`, by the running loop."""

    def now_ns(self):
        return round(asyncio.get_running_loop().time() * NS)

    def alarm(self, ring):
        return _Alarm(ring)


class _Alarm:
    early_ns = 0

    def __init__(self, ring):
        self._ring, self._handle = ring, None

    def set(self, at_ns):
        self.close()
        self._handle = asyncio.get_running_loop().call_at(at_ns / NS, self._ring)

    def close(self):
        if self._handle is not None:
            self._handle.cancel()


def run(coroutine):
    """As ``asyncio.run``, in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


class Queue:
    """A client and its server: ``places`` answers at a time, each after ``seconds`` of service; the rest wait.

    ``frozen`` is from when until when, in seconds since the first request, nothing moves.
    """

    def __init__(self, places, seconds, frozen=(0.0, 0.0), fails=lambda _number: False):
        self.places, self.seconds, self.frozen, self.fails = asyncio.Semaphore(places), seconds, frozen, fails
        self.sent_s, self.asks, self.most, self.unused = [], [], 0, []
        self._under_way = 0
        self._began = None

    def _now(self):
        now = asyncio.get_running_loop().time()
        self._began = now if self._began is None else self._began
        return now - self._began

    async def send(self, ask, sample):
        clock = VirtualClock()
        sample.sent_ns = clock.now_ns()
        self.sent_s.append(self._now())
        self.asks.append(ask)
        number = len(self.sent_s) - 1
        with self._counted():
            async with self.places:
                await self._serve()
        if self.fails(number):
            raise ZephyrError("no")
        sample.events.add(clock.now_ns())
        sample.text = f"answer {number}"

    async def _serve(self):
        begun = self._now()
        end = begun + self.seconds
        start, until = self.frozen
        if begun < until and end > start:
            end = until + end - max(begun, start)
        await asyncio.sleep(end - begun)

    @contextmanager
    def _counted(self):
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        try:
            yield
        finally:
            self._under_way -= 1

    async def read(self, sample):
        pass

    async def ready(self, unused):
        self.unused.append(unused)

    async def settle(self):
        pass
