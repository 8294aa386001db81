"""From what the user wants and what the machine is, to what will be done: a pure function."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.engines.base import ServeSettings
from zephyr_deploy.engines.models import known_shape
from zephyr_deploy.engines.registry import engine as engine_spec
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.embedded import embedded_table
from zephyr_deploy.plan.local import impossible, unused
from zephyr_deploy.plan.plan import ModelSource, Plan
from zephyr_deploy.plan.refusal import refuse
from zephyr_deploy.spec.base import EngineName
from zephyr_deploy.spec.deployment import Deployment, Model
from zephyr_deploy.spec.types import names_a_path

if TYPE_CHECKING:
    from zephyr_deploy.plan.machine import MachineFacts

EMBEDDED_TOTAL_TOKENS = 2048
"""Prompt plus answer where the user does not say: room for a conversation, little memory on a laptop."""
EMBEDDED_PARALLEL = 4
EMBEDDED_CONCURRENT = 128
"""TGI's own default of ``--max-concurrent-requests``."""
EMBEDDED_DRAIN_S = 30


def make_plan(deployment: Deployment, facts: MachineFacts) -> Plan:
    """Plan one deployment on one machine.

    Raises:
        ConfigError: the wish cannot be fulfilled there; every reason is in the message.
    """
    engine, engine_notes = _choose_engine(deployment, facts)
    model_id, source, model_notes = _choose_model(deployment)
    serve = _serve_settings(deployment, model_id)
    refuse([*impossible(deployment), *engine_spec(engine).problems(serve, known_shape(serve.model_id))])
    return Plan(
        deployment=deployment,
        engine=engine,
        source=source,
        serve=serve,
        parallel=deployment.limits.parallel or EMBEDDED_PARALLEL,
        threads=deployment.machine.threads or facts.cpus,
        notes=(*engine_notes, *model_notes, *unused(deployment)),
    )


def _choose_engine(deployment: Deployment, facts: MachineFacts) -> tuple[EngineName, tuple[str, ...]]:
    wanted = deployment.engine.name
    if wanted not in {None, "llamacpp"}:
        raise ConfigError(
            f"engine {wanted} runs in a container, and provider local does not run containers yet",
            hint="Leave --engine out (or say --engine llamacpp) to serve on this machine's processor.",
        )
    if facts.gpus:
        return "llamacpp", (f"This machine has a GPU ({facts.gpus[0]}); the embedded engine does not use it.",)
    return "llamacpp", ()


def _choose_model(deployment: Deployment) -> tuple[str, ModelSource, tuple[str, ...]]:
    """Served id, source and notes: the stand-in when no model was named, else a path, a sibling or a hub id."""
    model, table = deployment.model, embedded_table()
    if "id" not in model.model_fields_set:
        note = f"No GPU engine here: {table.default.id} stands in for {model.id}. Another: --model."
        return table.default.id, table.default.source(), (note, *_in_vain(model, "no model was named"))
    if names_a_path(model.id):
        path = _local_file(model.id)
        return path.stem, ModelSource(kind="file", location=str(path)), _in_vain(model, "the model is a file")
    sibling = table.gguf_siblings.get(model.id)
    if sibling and model.file is None:
        note = f"{model.id} has no GGUF file; its sibling {sibling.id} is served."
        source = ModelSource(kind="hub", location=sibling.id, file=sibling.file, token_from=model.token_from)
        return model.id, source, (note,)
    source = ModelSource(
        kind="hub", location=model.id, version=model.revision, file=model.file, token_from=model.token_from
    )
    return model.id, source, ()


def _local_file(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:  # ~somebody, who is not a user here
        raise ConfigError(f"the model {text} does not exist", hint="Give --model the path of a GGUF file.") from error


def _in_vain(model: Model, why: str) -> tuple[str, ...]:
    """A note that names what was said of a repository of the hub where none is used."""
    found = [f"model.{field}" for field in ("file", "revision") if getattr(model, field) is not None]
    return (f"No use is made of {' and '.join(found)}: {why}.",) if found else ()


def _serve_settings(deployment: Deployment, model_id: str) -> ServeSettings:
    engine, limits = deployment.engine, deployment.limits
    total = limits.max_total_tokens or max(EMBEDDED_TOTAL_TOKENS, (limits.max_input_tokens or 0) * 2)
    return ServeSettings(
        model_id=model_id,
        revision=deployment.model.revision,
        quantize=engine.quantize,
        dtype=engine.dtype,
        kv_cache_dtype=engine.kv_cache_dtype,
        num_shard=engine.num_shard,
        speculate=engine.speculate,
        cuda_graphs=engine.cuda_graphs,
        memory_fraction=engine.memory_fraction,
        max_input_tokens=limits.max_input_tokens or total - 1,
        max_total_tokens=total,
        max_batch_prefill_tokens=limits.max_batch_prefill_tokens,
        max_batch_total_tokens=limits.max_batch_total_tokens,
        max_concurrent_requests=limits.max_concurrent_requests or EMBEDDED_CONCURRENT,
        trust_remote_code=deployment.model.trust_remote_code,
        port=deployment.access.port,
        drain_s=EMBEDDED_DRAIN_S,
        extra_env=engine.env,
        extra_args=engine.args,
    )
