"""asyncio's event loop, made to read streams without a round of its own for each of their pieces.

A round of asyncio costs several times what reading a piece does. Here whoever waits for asyncio's files waits for the
streams as well, and reads them at once; asyncio hears of it when an answer is over. Everything else is asyncio as ever.

Answers tend to end together, as they have begun together, and sending the next request takes as long as reading dozens
of pieces. So asyncio hears of a few answers at a time, and what all streams have is read before it hears of more: a
stream that is not looked at until its second token has come has lost the time of its first.
"""

from __future__ import annotations

import asyncio
import select
import selectors
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine

    Read = Callable[[], None]
    """Reads what a socket has."""

Result = TypeVar("Result")
AT_A_TIME = 16
"""Sockets read between two looks at the clock and at what asyncio has to do: a quarter of a millisecond."""
OVER_AT_A_TIME = 4
"""Answers of whose end asyncio hears between two passes over the streams: less than a millisecond of sending."""
PAUSES_S = (0.004, 0.002, 0.001)
"""For which to let pieces come together, the longer the better; epoll's timeout has no smaller step."""
TURN_S = 0.005
"""After which a loop that never waits gives way: a quarter of the time between two tokens."""
MOMENT_S = 0.00005
"""For which it does."""
JUDGE_S = 0.02
FEW = 2.0
"""Pieces in a pause that are not worth it."""
SELDOM = 0.25
"""Share of the streams that bring a piece in a pause, up to which each of them seldom brings two."""


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """`asyncio.run`, on a `StreamLoop` where the system has epoll (Linux)."""
    found: list[Result] = []

    async def keep() -> None:
        # asyncio writes a task with its result out as text when it puts Ctrl-C back: for a large one a quarter second
        found.append(await main)

    if sys.platform != "linux":
        asyncio.run(keep())
    elif sys.version_info >= (3, 11):
        with asyncio.Runner(loop_factory=StreamLoop) as runner:
            runner.run(keep())
    else:
        before = asyncio.get_event_loop_policy()
        asyncio.set_event_loop_policy(_Policy())
        try:
            asyncio.run(keep())
        finally:
            asyncio.set_event_loop_policy(before)
    return found[0]


def watch(loop: asyncio.AbstractEventLoop, sock: socket.socket, read: Read) -> None:
    """Call ``read`` whenever ``sock`` has something; on a loop that is no `StreamLoop`, by a round of it."""
    if sys.platform == "linux" and isinstance(loop, StreamLoop):
        loop.streams.watch(sock.fileno(), read)
    else:
        loop.add_reader(sock, read)


def end(loop: asyncio.AbstractEventLoop, over: asyncio.Future[None]) -> None:
    """Set ``over``, as an answer has ended: when its turn comes, on a `StreamLoop`."""
    if sys.platform == "linux" and isinstance(loop, StreamLoop):
        loop.streams.over.append(over)
    elif not over.done():
        over.set_result(None)


def give_way(loop: asyncio.AbstractEventLoop) -> None:
    """Let loops of other processes have a turn every few milliseconds, though this one may have no end of work.

    Linux moves processes that go before all ordinary ones (see `priority`) from processor to processor only when one
    waits. Who shares a processor with the server would get what that leaves, as long as another never waits elsewhere:
    tens of milliseconds, in which every stream brings a second token.
    """
    if sys.platform == "linux" and isinstance(loop, StreamLoop):
        loop.streams.shares = True


def be_patient(loop: asyncio.AbstractEventLoop) -> None:
    """Tell that what is read on this loop has the kernel's stamps, so that it can wait for a moment."""
    if sys.platform == "linux" and isinstance(loop, StreamLoop):
        loop.streams.patience.allowed = True


def leave(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    """Undo `watch`, before ``sock`` is closed."""
    if sys.platform == "linux" and isinstance(loop, StreamLoop):
        loop.streams.leave(sock.fileno())
    else:
        loop.remove_reader(sock)


class Patience:
    """Decides for how long to let pieces come together, and read them at one go, which takes half the CPU time.

    What the kernel stamps can wait, as long as no stream's next piece comes meanwhile: then both have one stamp. So it
    pays where many streams bring many pieces and each of them few.
    """

    def __init__(self) -> None:
        self.allowed = False
        """Whether the kernel stamps what is read."""
        self.reads = 0
        """Pieces since the last judgement."""
        self._judged_s = 0.0
        self._pause_s = 0.0

    def pause_s(self, now_s: float, streams: int) -> float:
        """How long to wait now, with so many streams open; 0: not at all."""
        passed = now_s - self._judged_s
        if passed >= JUDGE_S:
            pays = (pause for pause in PAUSES_S if FEW <= self.reads / passed * pause <= streams * SELDOM)
            self._pause_s = next(pays, 0.0) if self.allowed else 0.0
            self._judged_s, self.reads = now_s, 0
        return self._pause_s


if sys.platform == "linux":

    class StreamSelector(selectors.EpollSelector):
        """asyncio's selector inside another epoll, that of the streams."""

        def __init__(self) -> None:
            super().__init__()
            self.patience = Patience()
            self.shares = False
            """Whether other loops read streams of the same load."""
            self._gave_way_s = 0.0
            self.over: deque[asyncio.Future[None]] = deque()
            """Of answers that have ended, and of which asyncio has not heard yet."""
            self._epoll = select.epoll()
            self._reads: dict[int, Read] = {}
            self._own = self.fileno()
            self._epoll.register(self._own, select.EPOLLIN)

        def watch(self, fd: int, read: Read) -> None:
            """Call ``read`` whenever ``fd`` has something."""
            self._reads[fd] = read
            self._epoll.register(fd, select.EPOLLIN)

        def leave(self, fd: int) -> None:
            """Undo `watch`."""
            del self._reads[fd]
            self._epoll.unregister(fd)

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """Read streams until asyncio has something to do, or for ``timeout`` seconds."""
            now = time.monotonic()
            if self.shares and now - self._gave_way_s >= TURN_S:
                time.sleep(MOMENT_S)
                self._gave_way_s = now
            end = None if timeout is None else now + timeout
            while True:
                found = self._read_all(0 if self.over else timeout)
                if found or self.over:
                    self._tell()
                    return found
                now = time.monotonic()
                if end is not None:
                    timeout = end - now
                    if timeout <= 0:
                        return []
                pause_s = self.patience.pause_s(now, len(self._reads))
                if timeout is not None:
                    pause_s = min(pause_s, timeout)
                if pause_s and (found := super().select(pause_s)):
                    return found

        def close(self) -> None:
            """Both of them."""
            self._epoll.close()
            super().close()

        def _read_all(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
            """Read what the streams have, or will have in ``timeout`` seconds, until asyncio's files have something.

            What comes meanwhile may wait for the next time, so that there is an end to it.
            """
            left = len(self._reads)
            while True:
                ready = self._epoll.poll(timeout, AT_A_TIME)
                there_is_more = len(ready) == AT_A_TIME
                found = super().select(0) if self._read(ready) or there_is_more else []
                left -= len(ready)
                if found or not there_is_more or left <= 0:
                    return found
                timeout = 0

        def _read(self, ready: list[tuple[int, int]]) -> bool:
            """Read what these streams have; whether asyncio's selector is among them."""
            self.patience.reads += len(ready)
            due = False
            for fd, _ in ready:
                if fd == self._own:
                    due = True
                elif (read := self._reads.get(fd)) is not None:  # none: another one's read has just closed it
                    read()
            return due

        def _tell(self) -> None:
            """Have asyncio hear of the next few answers that have ended."""
            for _ in range(min(OVER_AT_A_TIME, len(self.over))):
                over = self.over.popleft()
                if not over.done():
                    over.set_result(None)

    class StreamLoop(asyncio.SelectorEventLoop):
        """An event loop for `watch`."""

        def __init__(self) -> None:
            self.streams = StreamSelector()
            super().__init__(self.streams)

    class _Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            return StreamLoop()
