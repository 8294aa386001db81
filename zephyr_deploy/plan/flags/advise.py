"""Which settings an engine gets for a model on cards, and why each: a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.engines.base import ServeSettings
from zephyr_deploy.plan.flags.advice import Advice, Reason
from zephyr_deploy.plan.flags.conflicts import conflicts
from zephyr_deploy.plan.flags.graphs import WITHOUT, sizes
from zephyr_deploy.plan.flags.limits import Limits, Wanted, choose_limits
from zephyr_deploy.plan.flags.names import FLAGS, SETTINGS
from zephyr_deploy.plan.flags.precision import choose_dtype, quantize_why
from zephyr_deploy.plan.flags.settle import given, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.plan.setup import Setup
    from zephyr_deploy.plan.workload import Slo, Workload
    from zephyr_deploy.spec.deployment import Deployment

UNSAID = "not said"
USERS = "You said so."


def advise(
    setup: Setup,
    wish: Deployment,
    workload: Workload | None = None,
    slo: Slo | None = None,
    *,
    prefill_ms: Callable[[int], float] | None = None,
    concurrency: int | None = None,
) -> Advice:
    """Every setting that the planner decides. What the user has said stays as it is, and is checked.

    Args:
        setup: What is proposed; where the wish says otherwise, the wish counts.
        wish: What the user wants.
        workload: What the endpoint is asked to do; None: of every kind.
        slo: Times to keep.
        prefill_ms: Time in milliseconds of a step of so many prompt tokens.
        concurrency: The most requests at a time that keep the times asked for.
    """
    setup = settle(setup, wish)
    limits = choose_limits(Wanted(setup, wish, workload, slo, prefill_ms, concurrency))
    serve, why = _serve(setup, wish, limits)
    memory, total = limits.memory, limits.max_total_tokens
    most = max(total, limits.max_batch_prefill_tokens) if setup.engine == "tgi" else total
    return Advice(
        setup=setup,
        memory=memory,
        serve=serve,
        reasons=tuple(_reasons(setup, wish, serve, why)),
        fits=memory.kv_tokens >= most,
        problems=conflicts(setup, serve),
        notes=tuple(_notes(setup, limits, most)),
    )


def _serve(setup: Setup, wish: Deployment, limits: Limits) -> tuple[ServeSettings, dict[str, str]]:
    engine, tgi = wish.engine, setup.engine == "tgi"
    dtype, dtype_why = choose_dtype(setup, wish)
    graphs, graphs_why = _graphs(setup, wish, limits)
    serve = ServeSettings(
        model_id=setup.model.id,
        quantize=setup.quantize,
        dtype=dtype,
        kv_cache_dtype=setup.kv_cache_dtype,
        num_shard=setup.shards,
        speculate=engine.speculate,
        cuda_graphs=graphs,
        memory_fraction=setup.memory_fraction,
        # the others have no bound on the prompt alone, and refuse one
        max_input_tokens=limits.max_input_tokens if tgi else wish.limits.max_input_tokens,
        max_total_tokens=limits.max_total_tokens,
        max_batch_prefill_tokens=limits.max_batch_prefill_tokens,
        max_batch_total_tokens=wish.limits.max_batch_total_tokens,
        max_concurrent_requests=limits.max_concurrent_requests,
        trust_remote_code=wish.model.trust_remote_code,
        extra_env=engine.env,
        extra_args=engine.args,
    )
    why = limits.why | {
        "num_shard": _shards_why(setup),
        "quantize": quantize_why(setup, limits.memory),
        "dtype": dtype_why,
        "kv_cache_dtype": "Half the bytes a token." if setup.kv_cache_dtype else "16 bits lose nothing.",
        "max_batch_total_tokens": f"The engine measures it; about {limits.memory.kv_tokens} tokens are expected.",
        "memory_fraction": f"By itself the engine fills {limits.memory.usable / limits.memory.total:.0%} of each GPU.",
        "cuda_graphs": graphs_why,
        "speculate": "It helps where answers repeat their prompts, and only there; say engine.speculate.",
    }
    return serve, why


def _graphs(setup: Setup, wish: Deployment, limits: Limits) -> tuple[tuple[int, ...] | None, str]:
    if wish.engine.cuda_graphs is not None:
        return wish.engine.cuda_graphs, ""
    if setup.engine != "tgi":
        return None, "The engine chooses sizes up to its largest batch."
    if setup.quantize in WITHOUT:
        return (0,), f"TGI captures none with {setup.quantize}."
    if "lora_adapters" in {name.lower() for name in wish.engine.env}:
        return None, "TGI captures none with LoRA adapters."
    why = "Every batch size that TGI rounds up to: it has a graph for exactly that size, or none."
    return sizes(limits.at_a_time), why


def _shards_why(setup: Setup) -> str:
    if setup.shards == 1:
        return "One GPU has the whole model."
    return f"{setup.shards} GPUs share each layer."


def _reasons(setup: Setup, wish: Deployment, serve: ServeSettings, why: dict[str, str]) -> Iterator[Reason]:
    theirs = given(wish)
    for field, setting in SETTINGS.items():
        flag = FLAGS[setup.engine].get(field)
        if flag is None:
            continue
        value = getattr(serve, field)
        said = field in theirs
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        yield Reason(
            setting=setting,
            flag=flag,
            value=UNSAID if value is None else text,
            why=USERS if said else why[field],
            given=said,
        )


def _notes(setup: Setup, limits: Limits, most: int) -> Iterator[str]:
    memory, window = limits.memory, setup.model.sliding_window
    if memory.sure_kv_tokens < most <= memory.kv_tokens:
        off = f"{memory.margin_bytes / 1e9:.1f} GB"
        yield f"It is tight: there is room for {memory.kv_tokens} tokens, and that estimate may be off by {off}."
    if window and limits.max_total_tokens > window:
        yield f"The model looks back {window} tokens: of a longer request it forgets what came first."
