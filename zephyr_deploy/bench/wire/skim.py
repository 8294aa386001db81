"""The events of a plain body: most of them by their shape, the others by the parsers that read every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.bench.wire.chunked import LINE_END
from zephyr_deploy.bench.wire.progress import tell
from zephyr_deploy.bench.wire.shapes import texts_of
from zephyr_deploy.endpoint.sse import SseParser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.bench.wire.body import Body
    from zephyr_deploy.bench.wire.progress import Progress
    from zephyr_deploy.bench.wire.recording import Arrivals
    from zephyr_deploy.bench.wire.shapes import Shapes

STRETCH = 16
"""Events, or runs of those of a known shape, at a stretch: a few hundredths of a millisecond."""
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
    parser, reads = SseParser(), Reads(came, arrivals)
    at = number = 0
    while at < len(data):
        if run := shapes.run(data, at):
            progress.more(texts_of(run.texts), *reads.that_brought_all(run.ends))
            at = run.ends[-1]
        elif (blank := data.find(_BLANK_LINE, at)) >= 0:
            end = blank + len(_BLANK_LINE)
            _take(parser, data[at:end], reads.that_brought(end), progress, shapes)
            at = end
        else:
            break
        number += 1
        if number % STRETCH == 0:
            yield
    tell(progress, parser.feed(data[at:]) + parser.end(), *arrivals.of(-1))
    progress.end()


class Reads:
    """When the reads came that completed what is in a body; to be asked from its beginning to its end."""

    def __init__(self, came: Sequence[int], arrivals: Arrivals) -> None:
        self._came, self._arrivals = came, arrivals
        self._read = 0

    def that_brought(self, end: int) -> tuple[int, int | None]:
        """When what ends there came, see `Arrivals.of`."""
        return self._arrivals.of(self._at(end))

    def that_brought_all(self, ends: list[int]) -> tuple[list[int], list[int]]:
        """The same of several, as `Arrivals` has it."""
        at_ns, lag_ns = self._arrivals
        first = self._at(ends[0])
        behind = first + len(ends)
        if self._came[first:behind] == ends:  # each came by a read of its own, as almost all do
            return at_ns[first:behind], lag_ns[first:behind]
        reads = [self._at(end) for end in ends]
        return [at_ns[read] for read in reads], [lag_ns[read] for read in reads]

    def that_brought_chunks(self, ends: list[int]) -> tuple[list[int], list[int]]:
        """The same of what is in chunks that end there: it may have come before the CRLF behind it."""
        if self._came == ends:
            return self._arrivals
        return self.that_brought_all([end - LINE_END for end in ends])

    def _at(self, end: int) -> int:
        while self._came[self._read] < end:
            self._read += 1
        return self._read


def _take(parser: SseParser, piece: bytes, arrival: tuple[int, int | None], progress: Progress, shapes: Shapes) -> None:
    event = tell(progress, parser.feed(piece), *arrival)
    text = None if event is None else progress.plain_text(event)
    if text:
        shapes.learn(piece, text, progress)
