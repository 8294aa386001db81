"""A plan in words and tables, for whoever shows it: the terminal or a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.cli.whatif import COLUMNS, side_by_side
from zephyr_deploy.plan.choice.judge import GB, milliseconds
from zephyr_deploy.plan.flags.possible import NAMES
from zephyr_deploy.plan.weights import FORMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.plan.choice.outcome import Level, Option, Outlook, PlanResult, Verdict
    from zephyr_deploy.plan.choice.published import Published
    from zephyr_deploy.plan.prices import Price
    from zephyr_deploy.plan.speed.prediction import Estimate
    from zephyr_deploy.plan.workload import Slo, Workload

LEVELS = ("AT A TIME", "TTFT", "ITL", "TOKENS/S", "$/M TOKENS", "SLO")
OTHERS = ("GPU", "ENGINE", "WEIGHTS", "MACHINE", "$/H", "TTFT", "ITL", "TOKENS/S", "$/M TOKENS")
REMEDIES = ("SETTING", "VALUE", "")
SETTINGS = ("FLAG", "VALUE", "WHY")
PUBLISHED = ("GPU", "MODEL", "ENGINE", "WEIGHTS", "TOKENS", "REQUESTS", "WHAT", "MEASURED", "HERE", "OFF", "SOURCE")
TERMS = ("CAUSE", "OF THE TTFT", "OF THE ITL")


LACKS: dict[Verdict, str] = {
    "too-dear": "nothing that would do costs so little",
    "unpriced": "no price is known of anything that would do",
    "too-slow": "nothing is fast enough",
    "unknown-speed": "nobody knows how fast it would be",
    "no-room": "nothing has room for it",
    "refused": "no engine takes it",
}
"""By the verdict on what comes nearest: how it is said that nothing would do."""


class Table(NamedTuple):
    """A table with what it is of."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def tables(result: PlanResult, *, limit: int, explain: bool) -> Iterator[Table]:
    """Every table, as far as there is something to show; ``limit`` is of other ways."""
    if result.outlook:
        yield from _of_one(result.outlook, explain=explain)
    if result.what_if:
        yield Table(f"IF {' '.join(result.changes)}", COLUMNS, side_by_side(result, result.what_if))
    others, title, last = result.others, "INSTEAD", "WHAT CHANGES"
    if result.chosen:
        others, last = _of_each_card(others), "WHY NOT"
        title = "NOT CHOSEN" if result.outlook else "NEAREST"
    if others:
        yield Table(title, (*OTHERS, last), [_other(one, result.model.id) for one in others[:limit]])


def _of_one(outlook: Outlook, *, explain: bool) -> Iterator[Table]:
    if outlook.remedies:
        changes = [(change.setting, change.value, change.what) for change in outlook.remedies]
        yield Table("WHAT WOULD FIT", REMEDIES, changes)
    if outlook.levels:
        title = f"REQUESTS OF {outlook.workload.input_tokens} + {outlook.workload.output_tokens} TOKENS"
        yield Table(title, _level_columns(outlook), [_level(one, outlook) for one in _levels(outlook)])
    if outlook.terms:
        rows = [(one.cause, _signed(one.ttft_ms), _signed(one.itl_ms)) for one in outlook.terms]
        yield Table("WHERE THE TIME GOES", TERMS, rows)
    if outlook.published:
        there = outlook.published[0].gpu == outlook.advice.setup.gpu.key
        title = f"WHAT OTHERS MEASURED, {'THE NEAREST FIRST' if there else 'NONE OF IT ON THIS GPU'}"
        yield Table(title, PUBLISHED, [_published(one) for one in outlook.published])
    if explain:
        yield Table("SETTINGS", SETTINGS, [(one.flag, one.value, one.why) for one in outlook.advice.reasons])


def summary(result: PlanResult) -> Iterator[str]:
    """The answer in a few lines."""
    outlook = result.outlook
    if outlook is None:
        yield nothing(result)
        return
    yield headline(outlook)
    yield price_line(outlook.price)
    if outlook.asked and outlook.workload.request_rate:
        yield _at_a_rate(outlook.asked, outlook.workload)
    if outlook.most_concurrency:
        yield f"Up to {outlook.most_concurrency} requests at a time are fast enough."
    if outlook.why and not outlook.levels and not outlook.missing_bytes:
        yield f"Speed: {outlook.why}."


def _at_a_rate(asked: Level, workload: Workload) -> str:
    load = f"{asked.prediction.concurrency:.1f} at a time"
    times = f"TTFT {milliseconds(asked.ttft_ms)}, ITL {milliseconds(asked.itl_ms)}"
    cost = asked.usd_per_million_tokens
    paid = "" if cost is None else f"; ${cost:.2f} a million tokens"
    return f"{workload.request_rate:g} requests a second are {load}: {times}{paid}."


def nothing(result: PlanResult) -> str:
    """What there is none of, and what comes nearest to it."""
    if not result.others:
        return f"{result.model.id}: there is nothing to serve it with."
    near = result.others[0]
    lack = LACKS.get(near.verdict, "nothing would do")
    setup = f"{near.gpus} x {near.gpu}, {near.engine}, {near.weights}"
    return f"{result.model.id}: {lack}. Nearest: {setup}: {near.why}."


def headline(outlook: Outlook) -> str:
    """One sentence: what, on what, and whether that is so."""
    setup = outlook.advice.setup
    what = f"{setup.model.id} ({FORMS[setup.weights].name}) on {setup.shards} x {setup.gpu.name}, {NAMES[setup.engine]}"
    if outlook.missing_bytes:
        return f"{what}: does not fit; {outlook.missing_bytes / GB:.1f} GB a GPU are missing."
    if outlook.meets is None:
        return f"{what}: fits."
    return f"{what}: fits, and {'is fast enough' if outlook.meets else f'is too slow: {outlook.why}'}."


def price_line(price: Price | None) -> str:
    """What an hour costs, by whom, as of when."""
    if price is None:
        return "Price: not known."
    where = " ".join(filter(None, (price.cloud, price.machine, price.region)))
    when = f"table of {price.as_of}" if price.as_of else "your own word" if price.own else "as of now"
    return f"Price: ${price.usd_per_hour:.2f} an hour ({where}{', spot' if price.spot else ''}; {when})."


def asked_line(workload: Workload, slo: Slo) -> str:
    """The requests and how fast they are to be."""
    load = f"{workload.concurrency or 1} at a time"
    if workload.request_rate:
        load = f"{workload.request_rate:g} a second"
    limits = [
        f"{name} {slo.percentile} within {value:g} ms"
        for name, value in (("TTFT", slo.ttft_ms), ("ITL", slo.itl_ms))
        if value is not None
    ]
    return ", ".join((f"Requests of {workload.input_tokens} + {workload.output_tokens} tokens, {load}", *limits)) + "."


def room(outlook: Outlook) -> str:
    """What fits into the memory that is left."""
    memory = outlook.advice.memory
    if outlook.missing_bytes:
        return f"{outlook.missing_bytes / GB:.1f} GB are missing, before a step of prompts and one request have room."
    requests = memory.kv_tokens // (outlook.workload.input_tokens + outlook.workload.output_tokens)
    said = f"The KV cache has room for {memory.kv_tokens} tokens, {requests} requests"
    return f"{said}; it may be {memory.margin_bytes / GB:.1f} GB off."


def _levels(outlook: Outlook) -> Iterator[Level]:
    yield from outlook.levels
    full = outlook.saturation
    if full and full.prediction.concurrency > max(level.prediction.concurrency for level in outlook.levels):
        yield full


def _level_columns(outlook: Outlook) -> tuple[str, ...]:
    named = "" if outlook.slo.percentile in {"mean", "p50"} else f" {outlook.slo.percentile}"
    columns = (LEVELS[0], f"TTFT{named}", f"ITL{named}", *LEVELS[3:])
    return columns if outlook.most_concurrency is not None else columns[:-1]


def _level(level: Level, outlook: Outlook) -> tuple[str, ...]:
    found = level.prediction
    row = (
        f"{found.concurrency:.0f}",
        _time(found.ttft_ms, level.ttft_ms),
        _time(found.itl_ms, level.itl_ms),
        _rate(found.output_tokens_per_s),
        usd(level.usd_per_million_tokens),
        percent(level.chance),
    )
    return row if outlook.most_concurrency is not None else row[:-1]


def _time(estimate: Estimate, value: float) -> str:
    """At the percentile, with the range of the ordinary request's as a share of it."""
    return milliseconds(value, *(value * edge / estimate.value for edge in (estimate.low, estimate.high)))


def _signed(value: float) -> str:
    """A time that may be below zero; what rounds to nothing has no sign."""
    return milliseconds(round(value, 1) + 0.0)


def _rate(estimate: Estimate) -> str:
    return f"{estimate.value:.0f} ({estimate.low:.0f}-{estimate.high:.0f})"


def usd(value: float | None) -> str:
    """For people."""
    return "-" if value is None else f"{value:.2f}"


def percent(chance: float | None) -> str:
    """That the SLO is met, for people: nothing is ever sure."""
    return "-" if chance is None else f"{min(max(round(100 * chance), 1), 99)} %"


def _of_each_card(others: Sequence[Option]) -> tuple[Option, ...]:
    """The nearest of each card: the table is for people, JSON has all."""
    firsts: dict[str, Option] = {}
    for option in others:
        firsts.setdefault(option.gpu, option)
    return tuple(firsts.values())


def _other(option: Option, model_id: str) -> tuple[str, ...]:
    price = option.price
    return (
        f"{option.gpus} x {option.gpu}",
        option.engine,
        _weights(option, model_id),
        " ".join(filter(None, (price.cloud, price.machine))) if price else "-",
        usd(price.usd_per_hour if price else None),
        milliseconds(option.ttft_ms) if option.ttft_ms else "-",
        milliseconds(option.itl_ms) if option.itl_ms else "-",
        f"{option.output_tokens_per_s:.0f}" if option.output_tokens_per_s else "-",
        usd(option.usd_per_million_tokens),
        option.why,
    )


def _published(one: Published) -> tuple[str, ...]:
    return (
        f"{one.gpus} x {one.gpu}",
        one.model,
        one.engine,
        one.weights,
        f"{one.input_tokens} + {one.output_tokens}",
        f"{one.requests:g}" if one.requests else "as many as fit",
        one.what,
        f"{one.measured:.4g}",
        f"{one.predicted:.4g}",
        f"{one.error:+.0%}",
        one.source,
    )


def _weights(option: Option, model_id: str) -> str:
    """Their form, and where they come from: what the engine is told, or another repository."""
    how = option.quantize if option.model == model_id else option.model
    return f"{option.weights} ({how})" if how else option.weights
