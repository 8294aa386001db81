"""An answer as it comes from a server that writes each token in a chunk of its own: read at one go. Pure.

All but a few of its events are plain ones of one shape. As a rule they have nothing but their texts of their own, and
each came by a read of its own: then how each begins and ends is compared, and its text is what is between. Else a
regular expression takes them apart, chunks and all. Both take less time than `body` and `skim`.
"""

from __future__ import annotations

from itertools import accumulate, repeat
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.wire.body import announces_chunks, head_and_rest
from zephyr_deploy.bench.wire.chunked import END, LINE_END, are_sizes, plain_chunks
from zephyr_deploy.bench.wire.progress import tell
from zephyr_deploy.bench.wire.shapes import are_plain, texts_of
from zephyr_deploy.bench.wire.skim import Reads
from zephyr_deploy.endpoint.sse import SseParser

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Sequence

    from zephyr_deploy.bench.wire.progress import Progress
    from zephyr_deploy.bench.wire.recording import Arrivals, Recording
    from zephyr_deploy.bench.wire.shapes import Shapes

MOST_OTHERS = 4
"""Reads before the plain ones, and behind: an answer begins with the role, and ends with how it ended, and usage."""
_BLANK_LINE = b"\n\n"
_CRLF = b"\r\n"


class Plain(NamedTuple):
    """Chunks of one plain event each."""

    texts: list[bytes]
    """Of the events, as JSON writes them."""
    ends: list[int]
    """Where each chunk ends, counted from the beginning of the first."""


class Even(NamedTuple):
    """An answer, taken apart."""

    before: list[bytes]
    """What is in the chunks of the first reads, read by read: whole events, if any."""
    plain: Plain
    """What is in those behind them."""
    came: list[int]
    """Where the reads that brought it end."""
    behind: list[bytes]
    """As ``before``, of the last reads."""


def evenly(recording: Recording, shapes: Shapes) -> Even | None:
    """The answer; None where it came in another way, or its shape is not known yet."""
    reads = recording.reads
    typical = reads[len(reads) // 2] if reads and recording.failure is None else b""
    found = shapes.of_chunk(typical)
    if found is None or not reads[-1].endswith(END):
        return None
    shape = found.re
    first, behind = 1 + _others(reads[1:], shape), len(reads) - _others(reversed(reads), shape)
    head, begun = head_and_rest(reads[0])
    if first >= behind or not announces_chunks(head):
        return None
    before, rest = _data([begun, *reads[1:first]]), _data([*reads[behind:-1], reads[-1].removesuffix(END)])
    if before is None or rest is None or not _are_whole_events(before):
        return None
    reads = reads[first:behind]
    lengths = list(map(len, reads))
    came, texts = list(accumulate(lengths)), _alike(reads, lengths, found)
    plain = Plain(texts, came) if texts else _of_one_shape(b"".join(reads), shape)
    return Even(before, plain, came, rest) if plain else None


def tell_evenly(even: Even, arrivals: Arrivals, progress: Progress) -> None:
    """Tell ``progress`` of every event.

    Raises:
        RequestError: the answer is not complete, or tells of an error.
    """
    parser = SseParser()
    first, behind = len(even.before), len(arrivals.at_ns) - len(even.behind)
    for place, data in enumerate(even.before):
        tell(progress, parser.feed(data), *arrivals.of(place))
    reads = Reads(even.came, arrivals.part(first, behind))
    progress.more(texts_of(even.plain.texts), *reads.that_brought_chunks(even.plain.ends))
    parser.feed(b"\n")  # what follows is not the stream's beginning
    for place, data in enumerate(even.behind, start=behind):
        tell(progress, parser.feed(data), *arrivals.of(place))
    tell(progress, parser.end(), *arrivals.of(-1))
    progress.end()


def _others(reads: Iterable[bytes], shape: re.Pattern[bytes]) -> int:
    """How many reads come before the first that is a plain chunk."""
    return next((number for number, read in enumerate(reads) if shape.fullmatch(read)), 0)


def _data(reads: Sequence[bytes]) -> list[bytes] | None:
    """What is in the chunks of each read; None if one is no whole chunks, or if there are too many to be others."""
    if len(reads) > MOST_OTHERS:
        return None
    found = [plain_chunks(read + END) for read in reads]
    return [b"".join(chunks.data) for chunks in found if chunks] if all(found) else None


def _are_whole_events(before: Sequence[bytes]) -> bool:
    data = b"".join(before)
    return not data or data.endswith(_BLANK_LINE)


def _alike(reads: Sequence[bytes], lengths: Sequence[int], typical: re.Match[bytes]) -> list[bytes] | None:
    """The texts of these reads, if each is a chunk that differs from the typical one in its size and its text alone."""
    (event, _), (text, text_end) = typical.span(2), typical.span(3)
    before, behind = typical.string[event:text], typical.string[text_end:]
    examples = dict(zip(lengths, reads, strict=True))
    sizes = {length: read.partition(_CRLF)[0] for length, read in examples.items()}
    heads = {length: size + _CRLF + before for length, size in sizes.items()}
    if not are_sizes(list(sizes.values()), [length - len(size) - 2 * LINE_END for length, size in sizes.items()]):
        return None
    if not all(map(bytes.startswith, reads, map(heads.__getitem__, lengths))):
        return None
    texts = [read[len(heads[length]) : -len(behind)] for read, length in zip(reads, lengths, strict=True)]
    return texts if all(map(bytes.endswith, reads, repeat(behind))) and are_plain(texts) else None


def _of_one_shape(chunks: bytes, shape: re.Pattern[bytes]) -> Plain | None:
    """What these chunks bring, if each is of this shape."""
    sizes, events, texts = zip(*shape.findall(chunks), strict=True)
    lengths = list(map(len, events))
    ends = list(accumulate(len(size) + length + 2 * LINE_END for size, length in zip(sizes, lengths, strict=True)))
    return Plain(list(texts), ends) if ends[-1] == len(chunks) and are_sizes(sizes, lengths) else None
