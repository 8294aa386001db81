"""What was read of one answer, as it was read; looked into only when its stream is over."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from operator import sub
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.sample import NO_LAG
from zephyr_deploy.bench.wire.stamps import STEP_NS, Control, realtime_offset_ns, stamp_in, times_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.errors import ZephyrError

FEW_READS = 2
LAST_READS = 4
"""Among which is whatever ends an answer, an error as well."""
ERROR_KEY = b'"error"'
"""How every engine tells of an error inside a stream. Inside a JSON string the quotes would be escaped."""


class Arrivals(NamedTuple):
    """When bytes came, read by read, in ns of ``time.perf_counter_ns``, and how much later we read them.

    A lag of `NO_LAG`: there is no kernel's stamp, so that the time is when we read them.
    """

    at_ns: list[int]
    lag_ns: list[int]

    def of(self, read: int) -> tuple[int, int | None]:
        """When that read's bytes came, and its lag: None where there is no stamp."""
        lag_ns = self.lag_ns[read]
        return self.at_ns[read], None if lag_ns == NO_LAG else lag_ns

    def part(self, first: int, behind: int) -> Arrivals:
        """Those of the reads from ``first`` up to ``behind``."""
        return Arrivals(self.at_ns[first:behind], self.lag_ns[first:behind])


def _column() -> array[int]:
    return array("q")


@dataclass(slots=True)
class Recording:
    """The bytes of one answer, read by read, and of each read our clock after it, and the kernel's stamp."""

    reads: list[bytes] = field(default_factory=list)
    """Not put together: moving what has come to make room for more would cost more than all else that is done here."""
    failure: ZephyrError | None = None
    """How the connection ended it, where that was no proper end."""
    offset_ns: int = field(default_factory=realtime_offset_ns)
    _read_ns: array[int] = field(default_factory=_column)
    _stamps: bytearray = field(default_factory=bytearray)

    def add(self, read_ns: int, control: Control, data: bytes) -> None:
        """One more read. What can be left to the end is."""
        self.reads.append(data)
        self._read_ns.append(read_ns)
        self._stamps += stamp_in(control)

    def arrivals(self) -> Arrivals:
        """Of each read: the kernel's stamp, or our clock where there is none.

        Where the time of day was set meanwhile (the clocks' relation has changed), no stamp can be trusted.
        """
        trusted = abs(realtime_offset_ns() - self.offset_ns) <= STEP_NS
        at_ns = times_of(self._stamps, self.offset_ns)
        lags_ns = list(map(sub, self._read_ns, at_ns))
        unstamped = -self.offset_ns
        if not trusted or unstamped in at_ns or min(lags_ns, default=0) < 0:
            lags_ns = [
                max(lag_ns, 0) if trusted and stamp != unstamped and lag_ns >= -STEP_NS else NO_LAG
                for lag_ns, stamp in zip(lags_ns, at_ns, strict=True)
            ]
            at_ns = [read_ns - max(lag_ns, 0) for read_ns, lag_ns in zip(self._read_ns, lags_ns, strict=True)]
        return Arrivals(at_ns, lags_ns)

    def pieces(self) -> Iterator[tuple[int, int | None, bytes]]:
        """Of each read: when it came, its lag, None where there is no stamp, and its bytes."""
        arrivals = self.arrivals()
        for place, data in enumerate(self.reads):
            yield *arrivals.of(place), data

    def looks_wrong(self, end: bytes) -> bool:
        """Whether it may be a failure, by signs that cost next to nothing; only a whole look can tell.

        ``end`` is what every complete answer has, near its end.
        """
        if self.failure is not None or len(self.reads) <= FEW_READS:
            return True
        last = b"".join(self.reads[-LAST_READS:])
        return end not in last or b" 200" not in self.reads[0][:16] or ERROR_KEY in last
