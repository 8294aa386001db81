"""From the data of a stream's events to whoever follows the answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from zephyr_deploy.endpoint.errors import error_in
from zephyr_deploy.endpoint.sse import DONE
from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Progress(Protocol):
    """Follows the events of one answer."""

    def take(self, event: dict[str, Any], at_ns: int, lag_ns: int | None) -> None:
        """Read an event that arrived at ``at_ns``; ``lag_ns`` as in `TokenEvent`."""

    def plain_text(self, event: dict[str, Any]) -> str | None:
        """The text of an event that `take` takes and that says nothing but that this text was generated.

        So says every event that differs from it in this text, in other strings that are not empty, or in numbers, and
        in nothing else. None: it says more, or may.
        """

    def more(self, texts: Sequence[str], at_ns: Sequence[int], lags_ns: Sequence[int]) -> None:
        """Do what `take` does, with events that say nothing but these texts, none of which is empty.

        They come as columns; a lag of `NO_LAG` is none.
        """

    def end(self) -> None:
        """The stream is over; raises `IncompleteError` if the answer is not."""


def tell(progress: Progress, events: Sequence[str], at_ns: int, lag_ns: int | None) -> dict[str, Any] | None:
    """Pass on the data of events that arrived together; the last one, parsed, where there was one.

    Raises:
        RequestError: one is none of its protocol, or tells of an error.
    """
    event = None
    for data in events:
        if data == DONE:
            continue
        event = _parsed(data)
        try:
            progress.take(event, at_ns, lag_ns)
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
            message = f"an event has not the form of its protocol: {data[:80]!r}"
            raise RequestError(message, error_type="malformed") from error
    return event


def _parsed(data: str) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError) as error:  # RecursionError: far too many brackets
        raise RequestError(f"an event is not JSON: {data[:80]!r}", error_type="malformed") from error
    if not isinstance(event, dict):
        raise RequestError(f"an event is not an object: {data[:80]!r}", error_type="malformed")
    failure = error_in(event)
    if failure is not None:
        raise failure
    return event
