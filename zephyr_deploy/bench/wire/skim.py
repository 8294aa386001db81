"""The events of a plain body: most of them by their shape, the others by the parsers that read every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.wire.progress import tell
from zephyr_deploy.bench.wire.shapes import alike, text_of
from zephyr_deploy.endpoint.sse import SseParser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.wire.body import Body
    from zephyr_deploy.bench.wire.progress import Progress
    from zephyr_deploy.bench.wire.recording import Arrivals
    from zephyr_deploy.bench.wire.shapes import Shapes

STRETCH = 32
"""Events matched at a stretch, with those that are alike, at a few millionths of a second each."""
_BLANK_LINE = b"\n\n"
_SPECIAL = (b"\r", b"\xef\xbb\xbf")
"""Other line ends, and a mark that only the first line may begin with."""


def can_skim(body: Body) -> bool:
    """Whether its events end with two line feeds and with nothing else."""
    # what is a line end or a mark has a byte that next to no answer has, and one byte is found at once
    return not any(special[:1] in body.data and special in body.data for special in _SPECIAL)


def skim(body: Body, arrivals: Arrivals, progress: Progress, shapes: Shapes) -> Iterator[None]:
    """Tell ``progress`` of every event, with the arrival of the read that completed it; yields after every few.

    Raises:
        RequestError: the answer is not complete, or tells of an error.
    """
    data, came = body
    parser, run = SseParser(), PlainRun([], [], [])
    at = read = number = 0
    is_worth = True
    while at < len(data):
        if known := shapes.match(data, at):
            texts = [known[1]]
            if is_worth:
                texts += alike(data, known)
                is_worth = len(texts) > 1
            around = known.end() - at - len(known[1])
            for text in texts:
                at += around + len(text)
                while came[read] < at:
                    read += 1
                run.texts.append(text)
                run.at_ns.append(arrivals.at_ns[read])
                run.lags_ns.append(arrivals.lag_ns[read])
        elif (blank := data.find(_BLANK_LINE, at)) >= 0:
            end = blank + len(_BLANK_LINE)
            while came[read] < end:
                read += 1
            run.tell(progress)
            _take(parser, data[at:end], arrivals.of(read), progress, shapes)
            at = end
        else:
            break
        number += 1
        if number % STRETCH == 0:
            run.tell(progress)
            yield
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
