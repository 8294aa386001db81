"""A recorded answer into token events or a failure, by h11 and our SSE parser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import h11

from zephyr_deploy.bench.wire.framing import LONGEST_HEAD
from zephyr_deploy.endpoint.errors import error_in, error_of
from zephyr_deploy.endpoint.http import cut
from zephyr_deploy.endpoint.sse import DONE, SseParser
from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.wire.recording import Recording

SLICE = 16
"""Reads decoded at a stretch: a quarter of a millisecond, so that reads of other streams never wait for long."""
OK = 200
_ASKED = h11.Request(method="POST", target="/", headers=[("Host", "server")])


class Progress(Protocol):
    """Follows the events of one answer."""

    def take(self, event: dict[str, Any], at_ns: int, lag_ns: int | None) -> None:
        """Read an event that arrived at ``at_ns``; ``lag_ns`` as in `TokenEvent`."""

    def end(self) -> None:
        """The stream is over; raises `IncompleteError` if the answer is not."""


def decode(recording: Recording, progress: Progress) -> Iterator[None]:
    """Tell ``progress`` what was recorded; yields after every few reads, so that it can be done little by little.

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
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        self._http.send(_ASKED)
        self._http.send(h11.EndOfMessage())
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
        self._take_events(self._events.end(), *self._last)
        self._progress.end()

    def _take_body(self, data: bytes, at_ns: int, lag_ns: int | None) -> None:
        if self._status == OK:
            self._take_events(self._events.feed(data), at_ns, lag_ns)
        else:
            self._refusal += data

    def _take_events(self, events: list[str], at_ns: int, lag_ns: int | None) -> None:
        for data in events:
            if data == DONE:
                continue
            event = _parsed(data)
            try:
                self._progress.take(event, at_ns, lag_ns)
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                message = f"an event has not the form of its protocol: {data[:80]!r}"
                raise RequestError(message, error_type="malformed") from error


def _parsed(data: str) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except ValueError as error:
        raise RequestError(f"an event is not JSON: {data[:80]!r}", error_type="malformed") from error
    if not isinstance(event, dict):
        raise RequestError(f"an event is not an object: {data[:80]!r}", error_type="malformed")
    failure = error_in(event)
    if failure is not None:
        raise failure
    return event
