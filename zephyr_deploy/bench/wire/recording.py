"""What was read of one answer, as it was read; looked into only when its stream is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.wire.stamps import STEP_NS, Control, realtime_offset_ns, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.errors import ZephyrError

FEW_READS = 2
ERROR_KEY = b'"error"'
"""How every engine tells of an error inside a stream. Inside a JSON string the quotes would be escaped."""


class Piece(NamedTuple):
    """Bytes with the time of their arrival, in ns of ``time.perf_counter_ns``.

    ``lag_ns`` is how much later we read them; None: no kernel's stamp, so ``at_ns`` is when we read them.
    """

    at_ns: int
    lag_ns: int | None
    data: bytes


@dataclass(slots=True)
class Recording:
    """The reads of one answer: our clock after the read, its control messages, its bytes."""

    reads: list[tuple[int, Control, bytes]] = field(default_factory=list)
    failure: ZephyrError | None = None
    """How the connection ended it, where that was no proper end."""
    offset_ns: int = field(default_factory=realtime_offset_ns)

    def pieces(self) -> Iterator[Piece]:
        """What was read, with the kernel's stamps; with our clock for reads without one.

        Where the time of day was set meanwhile (the clocks' relation has changed), no stamp can be trusted.
        """
        trusted = abs(realtime_offset_ns() - self.offset_ns) <= STEP_NS
        for read_ns, control, data in self.reads:
            stamp = stamp_of(control) if trusted else None
            lag_ns = None if stamp is None else read_ns - (stamp - self.offset_ns)
            if lag_ns is None or lag_ns < -STEP_NS:
                yield Piece(read_ns, None, data)
            else:
                yield Piece(read_ns - max(lag_ns, 0), max(lag_ns, 0), data)

    def looks_wrong(self) -> bool:
        """Whether it may be a failure, by signs that cost next to nothing; only a whole look can tell."""
        if self.failure is not None or len(self.reads) <= FEW_READS:
            return True
        return b" 200" not in self.reads[0][2][:16] or any(ERROR_KEY in data for _, _, data in self.reads)
