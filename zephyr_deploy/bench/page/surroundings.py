"""What was measured, with what, and from where: as lists of names and values, whatever fields there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from zephyr_deploy.bench.page.numbers import short, time
from zephyr_deploy.bench.page.words import VERDICTS, name_of
from zephyr_deploy.bench.place import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.report import BenchReport, LevelReport

Fact = tuple[str, str]


class Facts(NamedTuple):
    """A list with a heading."""

    title: str
    rows: tuple[Fact, ...]


class Check(NamedTuple):
    """What the benchmark says of itself at one level."""

    load: str
    verdict: str
    word: str
    meaning: str
    cells: tuple[str, ...]


CHECKED = ("stamped by the kernel", "read late by", "sent late by", "in doubt", "loop late by", "CPU", "round trip")


def surroundings(report: BenchReport) -> tuple[Facts, ...]:
    """Target, the wish and what became of its prompts, and the machines as far as they are known."""
    prompts = _facts(report.prompts, "Prompts: ") if report.prompts is not None else ()
    machines = _facts(report.environment) if report.environment is not None else ()
    return (
        Facts("Target", tuple(_facts(report.target))),
        Facts("What was asked for", (*_facts(report.spec), *prompts)),
        Facts("Machines", (("Requests sent from", PLACES[report.measured_from]), *machines)),
    )


def checks(report: BenchReport) -> tuple[Check, ...]:
    """The client's judgement of itself, a level each."""
    return tuple(_check(level) for level in report.levels)


def _check(level: LevelReport) -> Check:
    client = level.client
    word, meaning = VERDICTS[client.verdict]
    return Check(
        load=str(level.load),
        verdict=client.verdict,
        word=word,
        meaning=client.reason or meaning,
        cells=(
            _share(client.stamped_share),
            time(client.read_lag_ms.p99) if client.read_lag_ms else "-",
            time(client.send_late_ms.p99) if client.send_late_ms else "-",
            _share(client.doubt_share),
            time(client.lag_p99_ms),
            _share(client.cpu_share),
            time(level.rtt_ms.p50) if level.rtt_ms else "-",
        ),
    )


def _facts(model: BaseModel, prefix: str = "") -> Iterator[Fact]:
    for field in type(model).model_fields:
        value = getattr(model, field)
        name = name_of(field)
        title = f"{prefix}{name.text}"
        if isinstance(value, BaseModel) and type(value).__str__ is not BaseModel.__str__:
            yield title, str(value)
        elif isinstance(value, BaseModel):
            yield from _facts(value, f"{name.text}: ")
        elif value not in (None, "", ()):
            yield title, _said(value, name.unit)


def _said(value: Any, unit: str) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(_said(one, "") for one in value)
    text = short(value) if isinstance(value, float) else str(value)
    return f"{text} {unit}" if unit else text


def _share(value: float) -> str:
    return f"{short(value * 100)} %"
