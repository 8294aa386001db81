"""Shows a plan to people: memory, settings, speed at every load, and the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from zephyr_deploy.cli.tables import grid
from zephyr_deploy.cli.terminal import visible
from zephyr_deploy.cli.whatif import COLUMNS, side_by_side
from zephyr_deploy.plan.choice.judge import GB, milliseconds
from zephyr_deploy.plan.flags.possible import NAMES
from zephyr_deploy.plan.weights import FORMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from zephyr_deploy.plan.choice.outcome import Level, Option, Outlook, PlanResult
    from zephyr_deploy.plan.memory.breakdown import Memory
    from zephyr_deploy.plan.prices import Price
    from zephyr_deploy.plan.speed.prediction import Estimate
    from zephyr_deploy.plan.workload import Slo, Workload

BAR = 60
LEVELS = ("AT A TIME", "TTFT", "ITL", "TOKENS/S", "$/M TOKENS", "SLO")
OTHERS = ("GPU", "ENGINE", "WEIGHTS", "MACHINE", "$/H", "TTFT", "ITL", "TOKENS/S", "$/M TOKENS", "WHY NOT")
SETTINGS = ("FLAG", "VALUE", "WHY")


def planned(result: PlanResult, *, limit: int, explain: bool) -> RenderableType:
    """All of it."""
    return Group(*_parts(result, limit=limit, explain=explain))


def _parts(result: PlanResult, *, limit: int, explain: bool) -> Iterator[RenderableType]:
    others, title = result.others, "INSTEAD"
    if result.outlook:
        yield from _outlook(result.outlook, explain=explain)
    elif others:
        yield Text(visible(nothing(result)), style="bold")
    if result.what_if:
        yield _title(f"IF {' '.join(result.changes)}")
        yield grid(COLUMNS, side_by_side(result, result.what_if))
    if result.chosen:
        others, title = _of_each_card(others), "NOT CHOSEN" if result.outlook else "NEAREST"
    if others:
        yield _title(title)
        columns = OTHERS if result.chosen else (*OTHERS[:-1], "INSTEAD")
        yield grid(columns, [_other(option, result.model.id) for option in others[:limit]])


def nothing(result: PlanResult) -> str:
    """One sentence: that nothing would do, and what comes nearest to it."""
    near = result.others[0]
    fits = any(not option.missing_bytes and option.verdict != "refused" for option in result.others)
    lack = "is fast enough" if fits else "fits"
    dear = near.verdict in {"too-dear", "unpriced"}
    what = f"Nothing {'that may be taken ' if dear else ''}{lack} for {result.model.id}."
    return f"{what} Nearest: {near.gpus} x {near.gpu}, {near.engine}, {near.weights}: {near.why}."


class MemoryBar:
    """One GPU's memory, drawn to scale: what takes it, and what is left free."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """As rich draws it."""
        parts, total = self._parts(), self._memory.total
        ends = [0.0]
        for size in (size for _, size, *_ in parts):
            ends.append(ends[-1] + max(size, 0))
        places = [round(min(end, total) / total * BAR) for end in ends]
        bar, legend = Text(), Text()
        for (name, size, mark, plain, style), start, end in zip(parts, places, places[1:], strict=False):
            letter = plain if options.ascii_only else mark
            bar.append(letter * (end - start), style)
            legend.append(letter, style)
            legend.append(f" {name} {size / GB:.1f}  ")
        bar.append((" " if options.ascii_only else "·") * (BAR - len(bar)), "dim")
        yield bar
        legend.rstrip()
        yield legend

    def _parts(self) -> list[tuple[str, int, str, str, str]]:
        memory = self._memory
        return [
            ("weights", memory.weights, "█", "#", "blue"),
            ("a step of prompts", memory.activations, "▓", "+", "magenta"),
            ("graphs, context", memory.graphs + memory.overhead, "▒", "=", "yellow"),
            ("KV cache", memory.kv_cache, "░", "-", "green"),
        ]


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


def _outlook(outlook: Outlook, *, explain: bool) -> Iterator[RenderableType]:
    memory, setup = outlook.advice.memory, outlook.advice.setup
    yield Text(visible(headline(outlook)), style="bold")
    yield Text(price_line(outlook.price))
    yield _title(f"MEMORY OF {'THE' if setup.shards == 1 else 'EACH'} GPU, GB OF {memory.total / GB:.1f}")
    yield MemoryBar(memory)
    yield Text(_room(outlook))
    yield from (Text(visible(f"Would fit: {remedy}")) for remedy in outlook.remedies)
    if outlook.levels:
        yield _title(f"REQUESTS OF {outlook.workload.input_tokens} + {outlook.workload.output_tokens} TOKENS")
        yield grid(_level_columns(outlook), [_level(one, outlook) for one in _levels(outlook)])
        if outlook.most_concurrency is not None:
            yield Text(f"Up to {outlook.most_concurrency} at a time are fast enough.")
    elif outlook.why and not outlook.missing_bytes:
        yield Text(visible(f"Speed: {outlook.why}."))
    yield _title("SETTINGS")
    yield _settings(outlook, explain=explain)


def _settings(outlook: Outlook, *, explain: bool) -> RenderableType:
    reasons = outlook.advice.reasons
    if explain:
        return grid(SETTINGS, [(reason.flag, reason.value, reason.why) for reason in reasons])
    said = (f"{reason.flag} {reason.value}" for reason in reasons if reason.value != "not said")
    return Text(visible(" ".join(said)))


def _room(outlook: Outlook) -> str:
    memory = outlook.advice.memory
    if outlook.missing_bytes:
        return f"Not one request has room: {outlook.missing_bytes / GB:.1f} GB are missing."
    requests = memory.kv_tokens // (outlook.workload.input_tokens + outlook.workload.output_tokens)
    room = f"The KV cache has room for {memory.kv_tokens} tokens, {requests} requests"
    return f"{room}; it may be {memory.margin_bytes / GB:.1f} GB off."


def _levels(outlook: Outlook) -> Iterator[Level]:
    yield from outlook.levels
    full = outlook.saturation
    if full and full.prediction.concurrency > max(level.prediction.concurrency for level in outlook.levels):
        yield full


def _level_columns(outlook: Outlook) -> Sequence[str]:
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
    low, high = (value * edge / estimate.value for edge in (estimate.low, estimate.high))
    return f"{milliseconds(value)} ({_bare(low)}-{_bare(high)})"


def _bare(value: float) -> str:
    return milliseconds(value).rpartition(" ")[0]


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


def _weights(option: Option, model_id: str) -> str:
    """Their form, and where they come from: what the engine is told, or another repository."""
    how = option.quantize if option.model == model_id else option.model
    return f"{option.weights} ({how})" if how else option.weights


def _title(text: str) -> Text:
    return Text(f"\n{text}", style="bold")
