"""The cheapest way to serve a model as fast as asked: a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.choice.candidates import candidates
from zephyr_deploy.plan.choice.judge import Correct, uncorrected
from zephyr_deploy.plan.choice.outcome import Outlook, PlanResult
from zephyr_deploy.plan.choice.outlook import outlook
from zephyr_deploy.plan.choice.rank import Failed, Weighed, options, weigh_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zephyr_deploy.plan.model.facts import ModelFacts
    from zephyr_deploy.plan.prices import Price
    from zephyr_deploy.plan.workload import Slo, Workload
    from zephyr_deploy.spec.deployment import Deployment

TRIES = 60
"""So many of the cheapest are looked at in full, settings and all, before it is said that none does."""


def choose(
    wish: Deployment,
    model: ModelFacts,
    workload: Workload,
    slo: Slo,
    prices: tuple[Price, ...],
    *,
    correct: Correct = uncorrected,
) -> PlanResult:
    """Weigh everything that the wish leaves open.

    Args:
        wish: What the user has said.
        model: The one that is meant.
        workload: What is asked of it.
        slo: How fast that is to be.
        prices: Of machines.
        correct: What one's own measurements say.

    Raises:
        ConfigError: nobody knows such a GPU; the model has no room for such a request in any machine.
    """
    check_context(model, workload)
    most = wish.cost.max_hourly_usd
    found = candidates(wish, model)
    max_usd = None if most is None else float(most)
    weighed = weigh_all(found, prices, workload, slo, max_usd=max_usd, correct=correct)

    def look(one: Weighed) -> Outlook:
        return outlook(one.setup, wish, workload, slo, price=one.price, correction=correct(one.setup))

    taken, best, tried = _first_that_does(weighed, look)
    return PlanResult(
        model=model,
        workload=workload,
        slo=slo,
        chosen=True,
        outlook=best,
        others=options(weighed, taken, tried),
        considered=len(found),
        notes=tuple(_notes(weighed, slo, best)),
    )


def check_context(model: ModelFacts, workload: Workload) -> None:
    """See that the model can take such requests.

    Raises:
        ConfigError: they are longer than its context.
    """
    asked = workload.input_tokens + workload.output_tokens
    if asked > model.max_positions:
        said = f"{workload.input_tokens} + {workload.output_tokens} tokens"
        raise ConfigError(
            f"a request of {said} is beyond the {model.max_positions} tokens of {model.id}",
            hint="Ask for less with --input-tokens and --output-tokens, or take a model with a longer context.",
        )


def _first_that_does(
    weighed: Sequence[Weighed], look: Callable[[Weighed], Outlook]
) -> tuple[Weighed | None, Outlook | None, dict[int, Failed]]:
    """The first that is fast enough with its settings, which the engine takes; and what is wrong with those before."""
    tried: dict[int, Failed] = {}
    for place, one in enumerate(weighed[:TRIES]):
        if not one.possible:
            break
        looked = look(one)
        failed = _failed(looked)
        if failed is None:
            return one, looked, tried
        tried[place] = failed
    return None, None, tried


def _failed(looked: Outlook) -> Failed | None:
    problems = looked.advice.problems
    if problems:
        return "refused", f"{looked.advice.setup.engine} refuses: {problems[0].reason}"
    if looked.missing_bytes:
        return "no-room", looked.why
    return ("too-slow", looked.why) if looked.meets is False else None


def _notes(weighed: Sequence[Weighed], slo: Slo, best: Outlook | None) -> Iterator[str]:
    if slo.ttft_ms is None and slo.itl_ms is None:
        yield "No times are asked for: the cheapest that fits. --ttft 300ms and --itl 40ms ask for some."
    if not any(one.price for one in weighed):
        yield "No price of any of these is known: they are ranked by GPU-hours."
    if best and best.price and best.price.as_of:
        yield f"Prices are those of {best.price.as_of}; --live asks the clouds."
