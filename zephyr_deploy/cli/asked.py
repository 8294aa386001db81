"""What is asked of an endpoint, and how fast that is to be, as it is typed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, get_args

from zephyr_deploy.cli.options import seconds
from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zephyr_deploy.plan.workload import Slo, Workload

_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:/(s|m|h))?")
_PER = {None: 1, "s": 1, "m": 60, "h": 3600}
MS = 1000


class Asked(NamedTuple):
    """The options, as text; None: not given."""

    input_tokens: str | int = 512
    output_tokens: str | int = 128
    concurrency: str | int | None = None
    rate: str | None = None
    ttft: str | None = None
    itl: str | None = None
    percentile: str = "p50"

    def workload(self) -> Workload:
        """The requests.

        Raises:
            UsageError: something is no number of them, or there are two kinds of load.
        """
        from zephyr_deploy.plan.workload import Workload

        if self.concurrency is not None and self.rate is not None:
            raise UsageError("--concurrency and --rate do not go together.", hint="Give one of them.")
        return Workload(
            input_tokens=_count("--input-tokens", self.input_tokens),
            output_tokens=_count("--output-tokens", self.output_tokens),
            concurrency=None if self.concurrency is None else _count("--concurrency", self.concurrency),
            request_rate=None if self.rate is None else rate(self.rate),
        )

    def slo(self) -> Slo:
        """How fast.

        Raises:
            UsageError: something is no length of time, or no percentile.
        """
        from zephyr_deploy.plan.workload import Percentile, Slo

        known: tuple[Percentile, ...] = get_args(Percentile)
        chosen = next((one for one in known if one == self.percentile), None)
        if chosen is None:
            raise UsageError(f"{self.percentile} is no percentile.", hint=f"Write {', '.join(known)}.")
        return Slo(ttft_ms=_milliseconds(self.ttft), itl_ms=_milliseconds(self.itl), percentile=chosen)

    def given(self, changes: Mapping[str, str]) -> Asked:
        """With other values for some options, by their names without dashes."""
        return self._replace(**changes)


def rate(text: str) -> float:
    """Read requests by time, e.g. ``5/s``, ``90/m`` or ``5``; a second.

    Raises:
        UsageError: it is none.
    """
    match = _RATE.fullmatch(text.strip())
    found = float(match[1]) / _PER[match[2]] if match else 0
    if found <= 0:
        raise UsageError(f"{text!r} is no rate of requests.", hint="Write e.g. 5/s, 90/m or 1000/h.")
    return found


def _count(flag: str, value: str | int) -> int:
    text = str(value).strip()
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise UsageError(f"{flag} {text!r} is no count.", hint="Write a whole number, 1 or more.")
    return int(text)


def _milliseconds(text: str | None) -> float | None:
    if text is None:
        return None
    found = seconds(text) * MS
    if found <= 0:
        raise UsageError(f"{text!r} is too short.", hint="Write e.g. 40ms.")
    return found
