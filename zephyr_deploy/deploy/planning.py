"""`plan`: what fits, how fast it will be and what it costs, before anything exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.deploy.model_facts import find_facts
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.choice.candidates import candidates
from zephyr_deploy.plan.choice.choose import check_context, choose
from zephyr_deploy.plan.choice.instead import instead
from zephyr_deploy.plan.choice.judge import Correct, uncorrected
from zephyr_deploy.plan.choice.outcome import PlanResult
from zephyr_deploy.plan.choice.outlook import outlook
from zephyr_deploy.plan.choice.published import nearest
from zephyr_deploy.plan.choice.rank import weigh_all
from zephyr_deploy.plan.choice.terms import terms
from zephyr_deploy.plan.flags.possible import kind_of
from zephyr_deploy.plan.gpus import Gpu, meant
from zephyr_deploy.plan.prices import Price, cheapest, prices
from zephyr_deploy.plan.refusal import refuse
from zephyr_deploy.plan.setup import ServerName, Setup
from zephyr_deploy.plan.workload import Slo, Workload
from zephyr_deploy.providers.registry import is_cloud

if TYPE_CHECKING:
    from zephyr_deploy.deploy.model_facts import Found
    from zephyr_deploy.spec.deployment import Deployment

ENGINE: ServerName = "tgi"
"""Where none is said."""


class Known(NamedTuple):
    """What was looked up once, for one plan or several."""

    model: Found
    prices: tuple[Price, ...]
    correct: Correct = uncorrected
    """What one's own measurements say of a setup."""


def estimate(
    deployment: Deployment,
    workload: Workload | None = None,
    slo: Slo | None = None,
    *,
    offline: bool = False,
    live: bool = False,
) -> PlanResult:
    """What fits, with which settings, how fast it will be and what it costs; nothing is made.

    Args:
        deployment: What is wanted. Where `machine.gpu` names a card, that one is looked at; else the cheapest way to
            serve the model as fast as asked is chosen, and whatever else the deployment leaves open with it.
        workload: The requests; None: one of 512 tokens at a time, answered with 128.
        slo: How fast they are to be answered; None: whatever fits.
        offline: Whether the hub is not asked for the model.
        live: Whether clouds are asked for their prices, instead of dated tables.

    Raises:
        ConfigError: nobody knows such a GPU or model; the engine takes no such settings; or what is wanted
            contradicts itself.
        UnreachableError: the hub does not answer, and nothing is known here of the model.
        CredentialsError: clouds are to be asked, and the credentials of none are at hand.
    """
    known = look_up(deployment, offline=offline, live=live)
    return estimate_of(deployment, known, workload or Workload(), slo or Slo())


def look_up(deployment: Deployment, *, offline: bool = False, live: bool = False) -> Known:
    """The model's facts and the prices, which do not depend on what is asked of them.

    Raises:
        As `estimate`.
    """
    model = deployment.model
    found = find_facts(model.id, model.revision, file=model.file, token_from=model.token_from, offline=offline)
    return Known(found, market_of(deployment, live=live))


def estimate_of(deployment: Deployment, known: Known, workload: Workload, slo: Slo) -> PlanResult:
    """As `estimate`, with what has been looked up: a pure function.

    Raises:
        ConfigError: as `estimate`.
    """
    engine_of(deployment)
    check_context(known.model.facts, workload)
    if deployment.machine.gpu:
        result = _named(deployment, known, workload, slo)
    else:
        result = choose(deployment, known.model.facts, workload, slo, known.prices, correct=known.correct)
    return result.model_copy(update={"notes": (*known.model.notes, *result.notes)})


def explained(result: PlanResult) -> PlanResult:
    """The same, with where the time goes, and with what others have measured."""
    looked = result.outlook
    if looked is None or looked.asked is None:
        return result
    advice = looked.advice
    found = terms(
        advice.setup,
        looked.workload,
        kv_tokens=advice.memory.kv_tokens,
        prefill_tokens=advice.serve.max_batch_prefill_tokens,
    )
    about = {"terms": found, "published": nearest(advice.setup, looked.workload)}
    return result.model_copy(update={"outlook": looked.model_copy(update=about)})


def _named(deployment: Deployment, known: Known, workload: Workload, slo: Slo) -> PlanResult:
    model = known.model.facts
    gpu, notes = _card(deployment.machine.gpu or "")
    setup = setup_of(deployment, known.model, gpu)
    price = cheapest(known.prices, gpu.key, setup.shards)
    looked = outlook(setup, deployment, workload, slo, price=price, correction=known.correct(setup))
    refuse(looked.advice.problems, "plan")
    open_wish = deployment.model_copy(
        update={
            "machine": deployment.machine.model_copy(update={"gpu": None, "gpus": None}),
            "engine": deployment.engine.model_copy(update={"num_shard": None, "quantize": None}),
        }
    )
    most = deployment.cost.max_hourly_usd
    found = candidates(open_wish, model)
    max_usd = None if most is None else float(most)
    weighed = weigh_all(found, known.prices, workload, slo, max_usd=max_usd, correct=known.correct)
    return PlanResult(
        model=model,
        workload=workload,
        slo=slo,
        chosen=False,
        outlook=looked,
        others=instead(looked, weighed),
        considered=len(found),
        notes=tuple(notes),
    )


def setup_of(deployment: Deployment, model: Found, gpu: Gpu) -> Setup:
    """The setup that a deployment means."""
    said = deployment.engine
    engine = engine_of(deployment)
    return Setup(
        model=model.facts,
        engine=engine,
        gpu=gpu,
        shards=said.num_shard or deployment.machine.gpus or 1,
        weights=kind_of(model.facts, gpu, engine, said.quantize),
        quantize=said.quantize,
        kv_cache_dtype=said.kv_cache_dtype,
        memory_fraction=said.memory_fraction,
    )


def engine_of(deployment: Deployment) -> ServerName:
    """The server that is meant.

    Raises:
        ConfigError: it is one for processors.
    """
    name = deployment.engine.name or ENGINE
    if name == "llamacpp":
        raise ConfigError("engine llamacpp serves on a processor, and plans are for GPUs", hint="Say --engine tgi.")
    return name


def market_of(deployment: Deployment, *, live: bool = False) -> tuple[Price, ...]:
    """What can be had: of the cloud that is named, else of all; and what the user says themselves.

    Raises:
        CredentialsError: the credentials of no cloud are at hand.
        ConfigError: a cloud has no such region; the user's own file says what cannot be.
        ZephyrError: no cloud can be asked.
    """
    own = tuple(price for price in prices() if price.own)
    if deployment.provider == "ssh":  # the machine is the user's, and no cloud's price is its own
        return own
    known = _asked(deployment) if live else prices()
    cloud, region = deployment.provider, deployment.machine.region
    return tuple(
        price
        for price in (*(price for price in known if price.orderable), *own)
        if (not is_cloud(cloud) or price.cloud == cloud) and (region is None or price.region in {"", region})
    )


def _asked(deployment: Deployment) -> tuple[Price, ...]:
    from zephyr_deploy.deploy.offers import find_offers
    from zephyr_deploy.providers.clouds.choose import Need
    from zephyr_deploy.providers.registry import cloud, clouds

    need = Need(spot=deployment.machine.spot, region=deployment.machine.region)
    asked = [cloud(deployment.provider)] if is_cloud(deployment.provider) else clouds()
    return tuple(
        Price(
            cloud=offer.provider,
            gpu=offer.gpu,
            gpus=offer.gpus,
            usd_per_hour=offer.price_per_hour_usd,
            machine=offer.machine_type,
            region=offer.region,
            as_of=offer.priced_on,
            source=offer.price,
            orderable=True,
            spot=offer.spot,
        )
        for offer in find_offers(asked, need).offers
    )


def _card(name: str) -> tuple[Gpu, list[str]]:
    """The card that is meant, and who else could be.

    Raises:
        ConfigError: nobody knows it.
    """
    first, *others = meant(name)
    if not others:
        return first, []
    names = ", ".join(other.key for other in others)
    return first, [f"{name} is taken for {first.key}; it could be {names} as well."]
