"""The options of `bench` that say what load is put on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Arrivals = Literal["constant", "poisson", "bursty"]
Swept = Literal["concurrency", "rate"]

DEFAULT = "1,4"
HINT = "zephyr-deploy bench --help"


def loads(
    *,
    sweep: Swept | None,
    sweep_until: float | None,
    concurrency: str | None,
    rate: str | None,
    arrivals: Arrivals | None,
    burstiness: float | None,
    ramp: str | None,
    trace: Path | None,
    trace_speed: float | None,
) -> dict[str, Any]:
    """The fields ``loads`` or ``sweep`` of `zephyr_deploy.bench.spec.BenchSpec` that the options ask for.

    Raises:
        UsageError: two kinds of load at once, an option of a kind that is not asked for, or not the form of an option.
    """
    kinds = {"--concurrency": concurrency, "--rate": rate, "--ramp": ramp, "--trace": trace, "--sweep": sweep}
    given = [name for name, value in kinds.items() if value is not None]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} are two kinds of load.", hint="Give one of them.")
    by_rate = rate or (sweep if sweep == "rate" else None)
    _of_its_kind("--arrivals", arrivals, "--rate", by_rate)
    _of_its_kind("--burstiness", burstiness, "--rate", rate)
    _of_its_kind("--trace-speed", trace_speed, "--trace", trace)
    _of_its_kind("--sweep-until", sweep_until, "--sweep", sweep)
    if sweep is not None:
        how = {} if arrivals is None else {"arrivals": arrivals}
        return {"sweep": {"of": sweep, "until": sweep_until, **how}}
    if rate is not None:
        return {"loads": _rates(rate, arrivals, burstiness)}
    if ramp is not None:
        return {"loads": [_ramp(ramp)]}
    if trace is not None:
        speed = {} if trace_speed is None else {"speed": trace_speed}
        return {"loads": [{"kind": "replay", "file": str(trace), **speed}]}
    levels = numbers("--concurrency", concurrency or DEFAULT, int, "1,4,16")
    return {"loads": [{"kind": "closed", "concurrency": one} for one in levels]}


def numbers(option: str, text: str, kind: Callable[[str], float], example: str) -> list[float]:
    """A list of numbers with commas.

    Raises:
        UsageError: it is none.
    """
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{option} {text} is not a list of numbers.", hint=f"Write e.g. {example}.") from None


def _of_its_kind(option: str, value: object, kind: str, of: object) -> None:
    if value is not None and of is None:
        raise UsageError(f"{option} goes with {kind}.", hint=HINT)


def _rates(rate: str, arrivals: Arrivals | None, burstiness: float | None) -> list[dict[str, Any]]:
    how = arrivals or ("poisson" if burstiness is None else "bursty")
    if burstiness is not None and how != "bursty":
        raise UsageError(f"--burstiness does not go with --arrivals {how}.", hint="Write --arrivals bursty.")
    shape = {} if burstiness is None else {"burstiness": burstiness}
    rates = numbers("--rate", rate, float, "5,10,20")
    return [{"kind": "open", "rate_per_s": one, "arrivals": how, **shape} for one in rates]


def _ramp(text: str) -> dict[str, Any]:
    start, dots, end = text.partition("..")
    try:
        return {"kind": "ramp", "from_per_s": float(start), "to_per_s": float(end if dots else "")}
    except ValueError:
        raise UsageError(f"--ramp {text} is not a first and a last rate.", hint="Write e.g. 1..20.") from None
