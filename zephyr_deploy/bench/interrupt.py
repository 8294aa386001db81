"""Ctrl-C and SIGTERM end a benchmark early without losing what was measured; a second one ends it at once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.load.board import Board

SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Halt:
    """Whether the run is to end early, and the level that is to know of it."""

    def __init__(self) -> None:
        self._why = ""
        self._board: Board | None = None

    def why(self) -> str:
        """By what it is to end; empty: it is not."""
        return self._why

    def hear(self, why: str) -> None:
        """End the level at work."""
        self._why = why
        if self._board is not None:
            self._board.stop(why)

    @contextmanager
    def of(self, board: Board) -> Iterator[Board]:
        """While the body runs, it is this board that is told."""
        self._board = board
        if self._why:
            board.stop(self._why)
        try:
            yield board
        finally:
            self._board = None


@contextmanager
def interruptible() -> Iterator[Halt]:
    """While the body runs, signals end it by the `Halt`; elsewhere than in the main thread nothing hears them."""
    halt = Halt()
    if threading.current_thread() is not threading.main_thread():
        yield halt
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def let_go() -> None:
        while before:
            number, handler = before.popitem()
            loop.remove_signal_handler(number)
            signal.signal(number, handler)

    def heard(number: signal.Signals) -> None:
        if not halt.why():
            halt.hear(SIGNALS[number])
            return
        let_go()  # what ends early takes too long for somebody: it is as if we had never listened
        os.kill(os.getpid(), number)

    for number in SIGNALS:
        loop.add_signal_handler(number, heard, number)
    try:
        yield halt
    finally:
        let_go()
