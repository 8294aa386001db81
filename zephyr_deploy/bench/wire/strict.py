"""Any answer, by h11, in the pieces in which it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11

from zephyr_deploy.bench.wire.body import OK, after_request
from zephyr_deploy.bench.wire.progress import tell
from zephyr_deploy.endpoint.errors import error_of
from zephyr_deploy.endpoint.faults import cut
from zephyr_deploy.endpoint.sse import SseParser
from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.wire.progress import Progress
    from zephyr_deploy.bench.wire.recording import Recording

SLICE = 16
"""Reads at a stretch: a quarter of a millisecond."""


def read_strictly(recording: Recording, progress: Progress) -> Iterator[None]:
    """Tell ``progress`` what was recorded; yields after every few reads.

    Raises:
        RequestError: refused, broken off, or ended early; the subclass says which.
    """
    answer = _Answer(progress)
    for number, (at_ns, lag_ns, data) in enumerate(recording.pieces(), start=1):
        answer.take(data, at_ns, lag_ns)
        if number % SLICE == 0:
            yield
    if not answer.whole and recording.failure is None:
        answer.take(b"", 0, None)  # the connection's end, where that is the answer's
    answer.end(recording)


class _Answer:
    """One HTTP answer as it is fed in."""

    def __init__(self, progress: Progress) -> None:
        self.whole = False
        self._progress = progress
        self._http = after_request()
        self._events = SseParser()
        self._status: int | None = None
        self._refusal = b""
        self._last: tuple[int, int | None] = (0, None)
        """When the last bytes came."""

    def take(self, data: bytes, at_ns: int, lag_ns: int | None) -> None:
        """Read on; what follows the end is not ours."""
        if data:
            self._last = (at_ns, lag_ns)
        try:
            self._http.receive_data(data)
            while not self.whole:
                event = self._http.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                if isinstance(event, h11.Data):
                    self._take_body(bytes(event.data), at_ns, lag_ns)
                elif isinstance(event, h11.Response):
                    self._status = event.status_code
                self.whole = isinstance(event, h11.EndOfMessage)
        except h11.RemoteProtocolError as error:
            if not data:
                return  # the close came too early: `end` says so
            raise RequestError(f"the answer is not HTTP/1.1: {error}", error_type="broken") from error

    def end(self, recording: Recording) -> None:
        """All is read.

        Raises:
            RequestError: and it is no complete answer.
        """
        if self._status is not None and self._status != OK:
            raise error_of(self._status, self._refusal)
        if recording.failure is not None:
            raise recording.failure
        if not self.whole:
            raise cut(EOFError())
        tell(self._progress, self._events.end(), *self._last)
        self._progress.end()

    def _take_body(self, data: bytes, at_ns: int, lag_ns: int | None) -> None:
        if self._status == OK:
            tell(self._progress, self._events.feed(data), at_ns, lag_ns)
        else:
            self._refusal += data
