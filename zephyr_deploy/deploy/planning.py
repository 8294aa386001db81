"""`plan`: what fits, how fast it will be and what it costs, before anything exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.deploy.corrections import Corrections
from zephyr_deploy.deploy.model_facts import find_facts
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.advised import setup_on
from zephyr_deploy.plan.choice.candidates import ENGINES, candidates
from zephyr_deploy.plan.choice.choose import check_context, choose
from zephyr_deploy.plan.choice.instead import instead
from zephyr_deploy.plan.choice.judge import Correct, uncorrected
from zephyr_deploy.plan.choice.outcome import PlanResult
from zephyr_deploy.plan.choice.outlook import outlook
from zephyr_deploy.plan.choice.published import nearest
from zephyr_deploy.plan.choice.rank import weigh_all
from zephyr_deploy.plan.choice.terms import terms
from zephyr_deploy.plan.flags.possible import card_refusal, forms
from zephyr_deploy.plan.gpus import Gpu, meant
from zephyr_deploy.plan.kinds import ServerName
from zephyr_deploy.plan.prices import Price, cheapest, prices
from zephyr_deploy.plan.refusal import refuse
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.workload import Slo, Workload
from zephyr_deploy.providers.registry import is_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.deploy.model_facts import Found
    from zephyr_deploy.deploy.reports import Reported
    from zephyr_deploy.providers.clouds.types import Offer
    from zephyr_deploy.spec.deployment import Deployment

ENGINE: ServerName = "tgi"
"""Where none is said."""


class Market(NamedTuple):
    """What can be had."""

    prices: tuple[Price, ...]
    notes: tuple[str, ...] = ()
    """For people: who could not be asked."""


class Known(NamedTuple):
    """What was looked up once, for one plan or several."""

    model: Found
    market: Market
    correct: Correct = uncorrected
    """What one's own measurements say of a setup."""
    notes: tuple[str, ...] = ()


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


def look_up(
    deployment: Deployment,
    *,
    offline: bool = False,
    live: bool = False,
    learned: bool = True,
    reports: Sequence[Reported] = (),
) -> Known:
    """The model's facts and the prices, which do not depend on what is asked of them, and what was measured.

    Args:
        deployment: What is wanted.
        offline: As `estimate`.
        live: As `estimate`.
        learned: Whether what `calibrate` and `bench` have kept is heeded.
        reports: Benchmarks on file, heeded before that.

    Raises:
        As `estimate`.
    """
    model = deployment.model
    found = find_facts(model.id, model.revision, file=model.file, token_from=model.token_from, offline=offline)
    correct = Corrections(deployment, stored=learned, reports=reports)
    return Known(found, market_of(deployment, live=live), correct, tuple(correct.notes()))


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
        result = choose(deployment, known.model.facts, workload, slo, known.market.prices, correct=known.correct)
    notes = (*known.model.notes, *known.market.notes, *known.notes, *result.notes)
    return result.model_copy(update={"notes": notes})


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
        correction=looked.correction,
    )
    about = {"terms": found, "published": nearest(advice.setup, looked.workload)}
    return result.model_copy(update={"outlook": looked.model_copy(update=about)})


def _named(deployment: Deployment, known: Known, workload: Workload, slo: Slo) -> PlanResult:
    model, market, most = known.model.facts, known.market.prices, deployment.cost.max_hourly_usd
    gpu, notes = _card(deployment.machine.gpu or "")
    setup = setup_of(deployment, known.model, gpu)
    price = cheapest(market, gpu.key, setup.shards)
    looked = outlook(setup, deployment, workload, slo, price=price, correction=known.correct(setup))
    refuse(looked.advice.problems, _next(deployment, setup))
    if price and most and price.usd_per_hour > most:
        notes.append(f"It costs more than the ${most:.2f} an hour that it may.")
    found = candidates(_left_open(deployment), model)
    max_usd = None if most is None else float(most)
    weighed = weigh_all(found, market, workload, slo, max_usd=max_usd, correct=known.correct)
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


def _left_open(deployment: Deployment) -> Deployment:
    """The deployment without what was said of card, count and quantization."""
    machine = deployment.machine.model_copy(update={"gpu": None, "gpus": None})
    engine = deployment.engine.model_copy(update={"num_shard": None, "quantize": None})
    return deployment.model_copy(update={"machine": machine, "engine": engine})


def setup_of(deployment: Deployment, model: Found, gpu: Gpu) -> Setup:
    """The setup that a deployment means."""
    shards = deployment.engine.num_shard or deployment.machine.gpus or 1
    return setup_on(deployment, gpu, model.facts, engine_of(deployment), shards)


def engine_of(deployment: Deployment) -> ServerName:
    """The server that is meant.

    Raises:
        ConfigError: it is one for processors.
    """
    name = deployment.engine.name or ENGINE
    if name == "llamacpp":
        raise ConfigError("engine llamacpp serves on a processor, and plans are for GPUs", hint="Say --engine tgi.")
    return name


def market_of(deployment: Deployment, *, live: bool = False) -> Market:
    """What can be had: of the cloud that is named, else of those whose credentials are at hand, else of all.

    What the user says of prices themselves is always among it.

    Raises:
        CredentialsError: the credentials of no cloud are at hand.
        ConfigError: a cloud has no such region; the user's own file says what cannot be.
        ZephyrError: no cloud can be asked.
    """
    listed = prices()
    own = tuple(price for price in listed if price.own)
    if deployment.provider == "ssh":  # the machine is the user's, and no cloud's price is its own
        return Market(own)
    if live:
        asked = _asked(deployment)
        return Market((*asked.prices, *own), asked.notes)
    sold = tuple(price for price in listed if price.orderable and _may_be_had(price, deployment))
    at_hand = configured_clouds()
    others = {price.cloud for price in sold} - at_hand
    if is_cloud(deployment.provider) or not at_hand or not others:
        return Market((*sold, *own), tuple(_not_listed(sold, deployment)))
    here = tuple(price for price in sold if price.cloud in at_hand)
    left_out = f"Left out, for want of credentials: {', '.join(sorted(others))} (--provider weighs it)."
    return Market((*here, *own), (*_not_listed(here, deployment), left_out))


def configured_clouds() -> frozenset[str]:
    """Clouds whose credentials are at hand."""
    from zephyr_deploy.providers.registry import clouds

    return frozenset(cloud.name for cloud in clouds() if cloud.configured())


def _may_be_had(price: Price, deployment: Deployment) -> bool:
    """Whether a price of the tables is of the cloud and the region that are wanted; E2E's is that of all its places."""
    cloud, region = deployment.provider, deployment.machine.region
    if is_cloud(cloud) and price.cloud != cloud:
        return False
    return region in {None, price.region} or (not price.region and price.cloud == cloud)


def _not_listed(sold: tuple[Price, ...], deployment: Deployment) -> Iterator[str]:
    if deployment.machine.spot:
        yield "The tables have no prices of interruptible machines; --live asks for them."
    if not sold:
        yield f"The tables have no price in {deployment.machine.region}; --live asks for them."


def _asked(deployment: Deployment) -> Market:
    from zephyr_deploy.deploy.offers import find_offers
    from zephyr_deploy.providers.clouds.choose import Need
    from zephyr_deploy.providers.registry import cloud, clouds

    need = Need(spot=deployment.machine.spot, region=deployment.machine.region)
    found = find_offers([cloud(deployment.provider)] if is_cloud(deployment.provider) else clouds(), need)
    return Market(tuple(map(_price, found.offers)), found.notes)


def _price(offer: Offer) -> Price:
    return Price(
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


def _next(deployment: Deployment, setup: Setup) -> str:
    """What to type where an engine refuses: where it does so for the card alone, with an engine that runs on it."""
    others = (engine for engine in ENGINES if forms(setup.model, setup.gpu, engine))
    engine = next(others, None) if card_refusal(setup.gpu, setup.engine) and not deployment.engine.name else None
    return f"plan --gpu {setup.gpu.key} --engine {engine}" if engine else "plan"


def _card(name: str) -> tuple[Gpu, list[str]]:
    """The card that is meant, and who else could be.

    Raises:
        ConfigError: nobody knows it.
    """
    first, *others = meant(name)
    if not others or first.key == name.lower():
        return first, []
    names = ", ".join(other.key for other in others)
    return first, [f"{name} is taken for {first.key}; it could be {names} as well."]
