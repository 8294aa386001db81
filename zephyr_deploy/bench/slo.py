"""Service-level objectives, and goodput: how many requests meet all of them. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from zephyr_deploy.bench.stats import percentile
from zephyr_deploy.bench.stats.intervals import interval_of_share
from zephyr_deploy.errors import UsageError
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.bench.report import RequestRecord

GAPS = 99
"""Percentile of a request's own gaps that has to meet ``itl``."""
US_PER_MS = 1000
TERM = re.compile(r"\s*(ttft|itl|tpot|e2e)\s*=\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s)\s*")
HINT = "Write e.g. --slo ttft=300ms,itl=40ms; there are ttft, itl, tpot and e2e, in ms or s."
FAILED = "failed"


class Slo(Frozen):
    """Longest times of a request, in milliseconds; what is None is not asked for."""

    ttft_ms: float | None = Field(None, gt=0, allow_inf_nan=False)
    """From the planned time where there is a timetable, else from the first byte of the request."""
    itl_ms: float | None = Field(None, gt=0, allow_inf_nan=False)
    """The 99th percentile of the request's own gaps."""
    tpot_ms: float | None = Field(None, gt=0, allow_inf_nan=False)
    """The mean of its tokens but the first."""
    e2e_ms: float | None = Field(None, gt=0, allow_inf_nan=False)
    """From when ``ttft_ms`` counts, to the last token."""

    @model_validator(mode="after")
    def _asks_something(self) -> Slo:
        if not self.terms():
            raise ValueError("an SLO asks for at least one of ttft, itl, tpot and e2e")
        return self

    def terms(self) -> dict[str, float]:
        """What is asked for, by name without its unit."""
        fields = {name.removesuffix("_ms"): getattr(self, name) for name in type(self).model_fields}
        return {name: limit for name, limit in fields.items() if limit is not None}

    def __str__(self) -> str:
        return ",".join(f"{name}={limit:g}ms" for name, limit in self.terms().items())


class Goodput(Frozen):
    """Requests that met every term of the SLO; a failed request met none."""

    slo: Slo
    met: int
    share: float
    """Of all measured requests, failed ones included."""
    per_s: float
    misses: dict[str, int]
    """Requests that missed each term, and ``failed``; one may miss several."""
    intervals: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """Of ``share``, with 95 % confidence; empty: too few requests."""


def parse(text: str) -> Slo:
    """Read ``ttft=300ms,itl=40ms``.

    Raises:
        UsageError: it is not of that form, or names a term twice.
    """
    terms: dict[str, float] = {}
    for part in text.split(","):
        match = TERM.fullmatch(part)
        if match is None or f"{match[1]}_ms" in terms:
            why = "is no term of an SLO" if match is None else "is there twice"
            raise UsageError(f"'{part.strip()}' in --slo {text} {why}.", hint=HINT)
        terms[f"{match[1]}_ms"] = float(match[2]) * (1000 if match[3] == "s" else 1)
    if not all(terms.values()):
        raise UsageError(f"--slo {text}: nothing is done in no time.", hint=HINT)
    return Slo(**terms)


def goodput_of(slo: Slo, records: Sequence[RequestRecord], seconds: float) -> Goodput:
    """How many of the requests, in the order in which they were begun, met the SLO."""
    missed = [set(misses(slo, record)) for record in records]
    hits = [not terms for terms in missed]
    interval = interval_of_share(hits)
    counts = Counter(term for terms in missed for term in terms)
    return Goodput(
        slo=slo,
        met=sum(hits),
        share=sum(hits) / len(hits) if hits else 0.0,
        per_s=sum(hits) / seconds if seconds > 0 else 0.0,
        misses={term: counts[term] for term in (*slo.terms(), FAILED)},
        intervals={} if interval is None else {"share": interval},
    )


def misses(slo: Slo, record: RequestRecord) -> Iterator[str]:
    """The terms that a request missed, by `MEASURES`; an answer without any token meets none."""
    if record.failure is not None:
        yield FAILED
        return
    for term, limit in slo.terms().items():
        value = None if record.ttft_ms is None else MEASURES[term](record)
        if value is None or value > limit:
            yield term


def from_due(record: RequestRecord, value: float | None) -> float | None:
    """A time since the request was sent, counted from when the timetable wanted it; the same without a timetable."""
    if value is None or record.due_ms is None or record.sent_ms is None:
        return value
    return value + record.sent_ms - record.due_ms


def itl_of(record: RequestRecord) -> list[float]:
    """Gaps, each divided by the tokens that the later event carries, in milliseconds."""
    if not record.gap_tokens:
        return [gap / US_PER_MS for gap in record.gaps_us]
    return [gap / US_PER_MS / tokens for gap, tokens in zip(record.gaps_us, record.gap_tokens, strict=True)]


def tpot_of(record: RequestRecord) -> float | None:
    """(last - first) / (n - 1), in milliseconds; None for an answer of one token or one event."""
    if not record.gaps_us or record.output_tokens < 2:  # noqa: PLR2004
        return None
    return sum(record.gaps_us) / US_PER_MS / (record.output_tokens - 1)


MEASURES: dict[str, Callable[[RequestRecord], float | None]] = {
    "ttft": lambda record: from_due(record, record.ttft_ms),
    "itl": lambda record: percentile(sorted(itl_of(record)), GAPS) if record.gaps_us else 0.0,
    "tpot": lambda record: tpot_of(record) or 0.0,
    "e2e": lambda record: from_due(record, record.e2e_ms),
}
"""What each term is of a request whose first token came. Without a second one nobody waits for it."""
