"""What would change the answer: a few ways beside the one that the user has named."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from zephyr_deploy.plan.choice.outcome import Option
from zephyr_deploy.plan.choice.rank import option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from zephyr_deploy.plan.choice.outcome import Outlook
    from zephyr_deploy.plan.choice.rank import Weighed

HERE, ELSEWHERE = 4, 4
"""So many ways are shown on the same card, and so many on others."""
CENT = 0.01
ALIKE = 0.02
"""Times that differ by a smaller share are the same to whoever chooses."""

_T = TypeVar("_T")


def instead(named: Outlook, weighed: Sequence[Weighed]) -> tuple[Option, ...]:
    """Other weights and counts on the same card, then the cheapest way on each other card; all of them would do.

    Args:
        named: What the user has named.
        weighed: Everything there is, the best first.
    """
    setup = named.advice.setup
    able = [one for one in weighed if one.will_do and one.setup != setup]
    here = [one for one in able if one.setup.gpu.key == setup.gpu.key and one.setup.engine == setup.engine]
    elsewhere = [one for one in able if one.setup.gpu.key != setup.gpu.key and one.possible]
    shown = [
        *_first_of_each(here, lambda one: (one.setup.shards, one.setup.weights))[:HERE],
        *_first_of_each(elsewhere, lambda one: one.setup.gpu.key)[:ELSEWHERE],
    ]
    return tuple(option(one, "worse" if one.price else "unpriced", _against(one, named)) for one in shown)


def _first_of_each(found: Iterable[_T], key: Callable[[_T], object]) -> list[_T]:
    firsts: dict[object, _T] = {}
    for one in found:
        firsts.setdefault(key(one), one)
    return list(firsts.values())


def _against(one: Weighed, named: Outlook) -> str:
    return ", ".join(_differences(one, named)) or "as good"


def _differences(one: Weighed, named: Outlook) -> Iterator[str]:
    if one.price and named.price:
        more = one.price.usd_per_hour - named.price.usd_per_hour
        if abs(more) >= CENT / 2:
            yield f"{'+' if more > 0 else '-'}${abs(more):.2f} an hour"
    if named.asked is None:
        yield "it fits" if named.missing_bytes else "its speed is known"
    elif one.judged.prediction:
        for name, mine, theirs in (
            ("ITL", one.judged.itl_ms, named.asked.itl_ms),
            ("TTFT", one.judged.ttft_ms, named.asked.ttft_ms),
        ):
            if abs(mine / theirs - 1) >= ALIKE:
                yield f"{name} {mine / theirs - 1:+.0%}"
