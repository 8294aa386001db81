"""The events of a plain body: most of them by their shape, the others by the parsers that read every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.wire.progress import tell
from zephyr_deploy.bench.wire.shapes import text_of
from zephyr_deploy.endpoint.sse import SseParser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.wire.body import Body
    from zephyr_deploy.bench.wire.progress import Progress
    from zephyr_deploy.bench.wire.recording import Arrivals
    from zephyr_deploy.bench.wire.shapes import Shapes

STRETCH = 32
"""Events at a stretch, at two millionths of a second each where they are of a known shape."""
_BLANK_LINE = b"\n\n"
_SPECIAL = (b"\r", b"\xef\xbb\xbf")
"""Other line ends, and a mark that only the first line may begin with."""


def can_skim(body: Body) -> bool:
    """Whether its events end with two line feeds and with nothing else."""
    return not any(special in body.data for special in _SPECIAL)


def skim(body: Body, arrivals: Arrivals, progress: Progress, shapes: Shapes) -> Iterator[None]:
    """Tell ``progress`` of every event, with the arrival of the read that completed it; yields after every few.

    Raises:
        RequestError: the answer is not complete, or tells of an error.
    """
    data, came = body
    parser, run = SseParser(), PlainRun([], [], [])
    at = read = number = 0
    while at < len(data):
        if known := shapes.match(data, at):
            end = known.end()
        elif (blank := data.find(_BLANK_LINE, at)) >= 0:
            end = blank + len(_BLANK_LINE)
        else:
            break
        while came[read] < end:
            read += 1
        if known:
            run.texts.append(known[1])
            run.at_ns.append(arrivals.at_ns[read])
            run.lags_ns.append(arrivals.lag_ns[read])
        else:
            run.tell(progress)
            _take(parser, data[at:end], arrivals.of(read), progress, shapes)
        number += 1
        if number % STRETCH == 0:
            run.tell(progress)
            yield
        at = end
    run.tell(progress)
    tell(progress, parser.feed(data[at:]) + parser.end(), *arrivals.of(-1))
    progress.end()


class PlainRun(NamedTuple):
    """Plain events that follow each other."""

    texts: list[bytes]
    """As JSON writes them."""
    at_ns: list[int]
    lags_ns: list[int]

    def tell(self, progress: Progress) -> None:
        """Pass them on, and begin anew."""
        if self.texts:
            progress.more([text_of(raw) for raw in self.texts], self.at_ns, self.lags_ns)
        for column in self:
            column.clear()


def _take(parser: SseParser, piece: bytes, arrival: tuple[int, int | None], progress: Progress, shapes: Shapes) -> None:
    event = tell(progress, parser.feed(piece), *arrival)
    text = None if event is None else progress.plain_text(event)
    if text:
        shapes.learn(piece, text, progress)
