"""``--what-if KEY=VALUE``: how it is read, and what it changes, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.cli.asked import Asked
from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.plan.choice.outcome import Level, Outlook, PlanResult

COLUMNS = ("", "AS IT IS", "IF")


def changes(words: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Settings by dotted key, and what is asked by the name of its option.

    Raises:
        UsageError: a word is no ``KEY=VALUE``, or a key without a dot is no option of what is asked.
    """
    settings: dict[str, str] = {}
    asked: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        key, value = key.strip(), value.strip()
        if not equals or not key or not value:
            raise UsageError(f"--what-if {word!r} is no KEY=VALUE.", hint="Write e.g. --what-if engine.quantize=fp8.")
        name = key.removeprefix("--").replace("-", "_")
        if name in Asked._fields:
            asked[name] = value
        elif "." in key or key == "provider":
            settings[key] = value
        else:
            known = ", ".join(field.replace("_", "-") for field in Asked._fields)
            hint = f"Write a setting, e.g. machine.gpu, or one of {known}."
            raise UsageError(f"--what-if {key} is neither a setting nor something that is asked.", hint=hint)
    return settings, asked


def exchange(asked: Asked, said: dict[str, str]) -> Asked:
    """What is asked, with changes; a rate takes the place of a concurrency, and the other way round."""
    changed = asked.given(said)
    if "rate" in said and "concurrency" not in said:
        return changed._replace(concurrency=None)
    return changed._replace(rate=None) if "concurrency" in said and "rate" not in said else changed


def side_by_side(before: PlanResult, after: PlanResult) -> list[tuple[str, str, str]]:
    """Rows of a table, each with a name and both values; of the flags only those that differ."""
    one, other = dict(_figures(before)), dict(_figures(after))
    rows = [(name, one.get(name, "-"), other.get(name, "-")) for name in (one | other)]
    return [row for row in rows if not row[0].startswith("--") or row[1] != row[2]]


def _figures(result: PlanResult) -> Iterator[tuple[str, str]]:
    from zephyr_deploy.cli.planned import headline, usd

    outlook = result.outlook
    if outlook is None:
        yield "setup", "nothing is fast enough" if result.others else "nothing fits"
        return
    yield "setup", headline(outlook).rstrip(".")
    yield "KV cache, tokens", str(outlook.advice.memory.kv_tokens)
    if outlook.asked:
        yield from _speed(outlook.asked, outlook)
    yield "USD an hour", usd(outlook.price.usd_per_hour if outlook.price else None)
    if outlook.asked:
        yield "USD a million tokens", usd(outlook.asked.usd_per_million_tokens)
    for reason in outlook.advice.reasons:
        yield reason.flag, reason.value


def _speed(level: Level, outlook: Outlook) -> Iterator[tuple[str, str]]:
    from zephyr_deploy.plan.choice.judge import milliseconds

    yield "at a time", f"{level.prediction.concurrency:.0f}"
    yield "TTFT", milliseconds(level.ttft_ms)
    yield "ITL", milliseconds(level.itl_ms)
    yield "tokens/s", f"{level.prediction.output_tokens_per_s.value:.0f}"
    if outlook.most_concurrency is not None:
        yield "fast enough, at a time", str(outlook.most_concurrency)
