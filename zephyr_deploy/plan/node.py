"""From what the user wants and what a node is, to what will run there in a container: a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.engines.base import Problem, ServeSettings
from zephyr_deploy.engines.envfile import env_problems
from zephyr_deploy.engines.models import known_shape
from zephyr_deploy.engines.registry import engine as engine_spec
from zephyr_deploy.plan.advised import advice_on, card_of, problems_of
from zephyr_deploy.plan.caller import network_of
from zephyr_deploy.plan.gpus import is_meant
from zephyr_deploy.plan.plan import ModelSource, Plan
from zephyr_deploy.plan.readiness import NO_GPU
from zephyr_deploy.plan.refusal import refuse
from zephyr_deploy.spec.types import is_secret_name, names_a_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.plan.flags.advice import Advice
    from zephyr_deploy.plan.machine import NodeFacts
    from zephyr_deploy.plan.model.facts import ModelFacts
    from zephyr_deploy.spec.base import EngineName
    from zephyr_deploy.spec.deployment import Deployment

TOTAL_TOKENS = 4096
"""Prompt plus answer where the user does not say: Zephyr's sliding window."""
PROMPT_SHARE = 0.75
CONCURRENT = 128
"""TGI's own default of ``--max-concurrent-requests``."""
DRAIN_S = 90
"""TGI's own default of ``--graceful-termination-timeout``."""
OVERLAP_FRACTION = 0.45
"""Two engines that each take this much of a GPU leave a tenth of it for CUDA's own contexts."""
GATEWAY_IMAGE = "caddy:2"


def plan_for_node(
    deployment: Deployment,
    facts: NodeFacts,
    *,
    hub: str,
    caller: str = "",
    host: str = "",
    model: ModelFacts | None = None,
) -> Plan:
    """Plan one deployment on one node.

    Args:
        deployment: What is wanted.
        facts: What the node is.
        hub: Address of the Hugging Face hub.
        caller: This machine as the node sees it, or the network that an exposed endpoint is open to already.
        host: Where callers find the node, where the deployment does not say.
        model: What the model is; None: nothing is known of it, and limits are chosen that most models take.

    Raises:
        ConfigError: the wish cannot be fulfilled there; every reason is in the message.
    """
    name: EngineName = deployment.engine.name or "tgi"
    spec = engine_spec(name)
    gpus = deployment.engine.num_shard or deployment.machine.gpus or min(1, len(facts.gpus))
    refuse([*_problems(deployment, facts, gpus, name), *_exposure(deployment, caller)])
    advice = _advice(deployment, facts, model, name, gpus)
    if advice:
        serve = advice.serve.model_copy(update={"model_id": deployment.model.id, "drain_s": DRAIN_S})
        refuse(list(problems_of(advice)))
    else:
        serve = _serve_settings(deployment, name, gpus)
        refuse(spec.problems(serve, known_shape(serve.model_id)))
    return Plan(
        deployment=deployment,
        engine=name,
        source=ModelSource(
            kind="hub",
            location=deployment.model.id,
            version=deployment.model.revision,
            token_from=deployment.model.token_from,
        ),
        serve=serve,
        image=deployment.engine.image or spec.image,
        gpus=gpus,
        overlap=(deployment.engine.memory_fraction or 1.0) <= OVERLAP_FRACTION,
        hub=hub,
        host=host,
        caller=network_of(caller),
        model=model,
        notes=(*_notes(deployment, facts, gpus), *(advice.notes if advice else ())),
    )


def _advice(
    deployment: Deployment, facts: NodeFacts, model: ModelFacts | None, name: EngineName, gpus: int
) -> Advice | None:
    if model is None or name == "llamacpp":
        return None
    card = card_of(facts.gpus[0])
    return advice_on(deployment, card, model, name, gpus) if card else None


def _serve_settings(deployment: Deployment, name: EngineName, gpus: int) -> ServeSettings:
    """Where nothing is known of the model."""
    engine, limits = deployment.engine, deployment.limits
    total = limits.max_total_tokens or max(TOTAL_TOKENS, (limits.max_input_tokens or 0) + 1024)
    longest = limits.max_input_tokens or max(1, int(total * PROMPT_SHARE))
    return ServeSettings(
        model_id=deployment.model.id,
        quantize=engine.quantize,
        dtype=engine.dtype,
        kv_cache_dtype=engine.kv_cache_dtype,
        num_shard=gpus or 1,
        speculate=engine.speculate,
        cuda_graphs=engine.cuda_graphs,
        memory_fraction=engine.memory_fraction,
        # The three together: TGI computes with what is missing of them, and can overflow.
        # The others have no bound on the prompt alone, and refuse one.
        max_input_tokens=longest if name == "tgi" else limits.max_input_tokens,
        max_total_tokens=total,
        max_batch_prefill_tokens=limits.max_batch_prefill_tokens or max(longest, min(total, TOTAL_TOKENS)),
        max_batch_total_tokens=limits.max_batch_total_tokens,
        max_concurrent_requests=limits.max_concurrent_requests or CONCURRENT,
        trust_remote_code=deployment.model.trust_remote_code,
        drain_s=DRAIN_S,
        extra_env=engine.env,
        extra_args=engine.args,
    )


def _problems(deployment: Deployment, facts: NodeFacts, gpus: int, name: EngineName) -> Iterator[Problem]:
    if name == "llamacpp":
        reason = "the embedded engine runs on the machine that zephyr-deploy runs on"
        yield Problem("engine.name", reason, "Leave it out, or run `zephyr-deploy up --provider local` on the node.")
    elif not facts.gpus:
        yield Problem("machine.host", f"{name} needs an NVIDIA GPU, and nvidia-smi finds none on the node", NO_GPU)
    if gpus > len(facts.gpus) > 0:
        yield Problem(
            "machine.gpus", f"the node has {len(facts.gpus)} GPUs, not {gpus}", f"Ask for fewer{_another(deployment)}."
        )
    wanted = deployment.machine.gpu
    if wanted and facts.gpus and not any(is_meant(wanted, gpu.name) for gpu in facts.gpus):
        fix = f"Leave it out, or correct it{_another(deployment)}."
        yield Problem("machine.gpu", f"the node has {facts.gpus[0].name}, not {wanted}", fix)
    if names_a_path(deployment.model.id):
        yield Problem("model.id", "a node fetches its model from the hub", "Name a repository, such as owner/model.")
    if deployment.access.port == 0:
        yield Problem("access.port", "the gateway on a node needs a port that stays", "Give one, e.g. 8080.")
    yield from env_problems(deployment.engine.env)
    for key in filter(is_secret_name, sorted(deployment.engine.env)):
        reason = "every user of the node could read it in `docker inspect`"
        yield Problem(
            f"engine.env.{key}", reason, "Remove it: export HF_TOKEN here; the endpoint's key is made at `up`."
        )


def _another(deployment: Deployment) -> str:
    """How a machine that a cloud has made is replaced; one of the user's own is not."""
    if deployment.provider in {"local", "ssh"}:
        return ""
    return f"; or take this machine away (zephyr-deploy down {deployment.name}), then `up` orders another"


def _exposure(deployment: Deployment, caller: str) -> Iterator[Problem]:
    if deployment.access.expose and not deployment.access.cidr and not network_of(caller):
        reason = f"it is unset, and where you come from is not known (the node sees {caller or 'nothing'})"
        yield Problem("access.cidr", reason, 'Say who may reach the endpoint, e.g. cidr = "203.0.113.0/24".')


def _notes(deployment: Deployment, facts: NodeFacts, gpus: int) -> Iterator[str]:
    if len(facts.gpus) > gpus > 0 and not deployment.engine.num_shard and not deployment.machine.gpus:
        yield f"{gpus} of the node's {len(facts.gpus)} GPUs is used; more with --gpus (machine.gpus)."
    said = [f"cost.{name}" for name in type(deployment.cost).model_fields if name in deployment.cost.model_fields_set]
    if deployment.provider == "ssh" and said:
        yield f"Provider ssh makes no use of {', '.join(said)}: the machine is yours."
