"""Which machines of a cloud have room for the model: asked of the planner before one is ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import UnreachableError
from zephyr_deploy.plan.advised import advice_on, problems_of
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.spec.types import names_a_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.engines.base import Problem
    from zephyr_deploy.plan.model.facts import ModelFacts
    from zephyr_deploy.providers.clouds.types import Offer
    from zephyr_deploy.spec.deployment import Deployment


class Room:
    """Judges machines for one deployment.

    Args:
        deployment: What is wanted.
        model: What its model is; None: nothing is known of it, and every machine passes.
    """

    def __init__(self, deployment: Deployment, model: ModelFacts | None) -> None:
        self.deployment = deployment
        self.model = model
        self._problems: dict[str, list[Problem]] = {}

    @classmethod
    def of(cls, deployment: Deployment) -> Room:
        """By what is known of the model: the table first, so that most deployments wait for no hub."""
        return cls(deployment, _facts(deployment))

    @property
    def knows(self) -> bool:
        """Whether it can judge at all."""
        return self.model is not None

    def among(self, offers: Sequence[Offer]) -> list[Offer]:
        """Those that the engine takes the model on; in the same order."""
        return [offer for offer in offers if not self._against(offer.gpu)]

    def refusals(self, offers: Sequence[Offer]) -> list[str]:
        """Why not on the others, a sentence for each card, with what would help."""
        cards = dict.fromkeys(offer.gpu for offer in offers)
        return [
            f"{problem.setting}: {problem.reason}. {problem.fix}" for gpu in cards for problem in self._against(gpu)
        ]

    def _against(self, gpu: str) -> list[Problem]:
        if gpu not in self._problems:
            self._problems[gpu] = self._ask(gpu)
        return self._problems[gpu]

    def _ask(self, gpu: str) -> list[Problem]:
        name, card, machine = self.deployment.engine.name or "tgi", gpus().get(gpu), self.deployment.machine
        if self.model is None or card is None or name == "llamacpp":
            return []
        count = self.deployment.engine.num_shard or machine.gpus or 1
        return list(problems_of(advice_on(self.deployment, card, self.model, name, count)))


def _facts(deployment: Deployment) -> ModelFacts | None:
    model = deployment.model
    known = known_model(model.id)
    if known or names_a_path(model.id):
        return known
    from zephyr_deploy.deploy.model_facts import find_facts  # for a model that the table lacks

    try:
        return find_facts(model.id, model.revision, file=model.file, token_from=model.token_from).facts
    except UnreachableError:
        return None  # the node may reach the hub; if not, `up` says so
