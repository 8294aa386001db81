"""From what every engine is asked, to TGI's own flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.engines.tgi.flags import TgiFlags
from zephyr_deploy.engines.tgi.render import to_env

if TYPE_CHECKING:
    from zephyr_deploy.engines.base import ServeSettings

OWNED = {
    "model_id": "model.id",
    "revision": "model.revision",
    "trust_remote_code": "model.trust_remote_code",
    "num_shard": "engine.num_shard",
    "quantize": "engine.quantize",
    "dtype": "engine.dtype",
    "kv_cache_dtype": "engine.kv_cache_dtype",
    "speculate": "engine.speculate",
    "cuda_graphs": "engine.cuda_graphs",
    "cuda_memory_fraction": "engine.memory_fraction",
    "max_input_tokens": "limits.max_input_tokens",
    "max_total_tokens": "limits.max_total_tokens",
    "max_batch_prefill_tokens": "limits.max_batch_prefill_tokens",
    "max_batch_total_tokens": "limits.max_batch_total_tokens",
    "max_concurrent_requests": "limits.max_concurrent_requests",
    "port": "access.port",
    "hostname": "access.expose",
    "graceful_termination_timeout": "",
    "tokenizer_config_path": "",
}
"""Flags that the settings decide, and where zephyr.toml says them; empty: zephyr-deploy decides alone."""


def flags_of(settings: ServeSettings) -> TgiFlags:
    """TGI's flags for these settings, without ``extra_env`` and ``extra_args``.

    The number of shards is always said, because TGI counted GPUs wrongly before v3.3.7 (its PR 3346).
    Usage statistics are off: a container sends them by default.
    """
    return TgiFlags(
        model_id=settings.model_id,
        revision=settings.revision,
        num_shard=settings.num_shard or 1,
        quantize=settings.quantize,
        speculate=settings.speculate,
        dtype=settings.dtype,
        kv_cache_dtype=settings.kv_cache_dtype,
        trust_remote_code=settings.trust_remote_code or None,
        max_concurrent_requests=settings.max_concurrent_requests,
        max_input_tokens=settings.max_input_tokens,
        max_total_tokens=settings.max_total_tokens,
        max_batch_prefill_tokens=settings.max_batch_prefill_tokens,
        max_batch_total_tokens=settings.max_batch_total_tokens,
        cuda_graphs=settings.cuda_graphs or None,
        hostname=settings.hostname,
        port=settings.port,
        cuda_memory_fraction=settings.memory_fraction,
        tokenizer_config_path=settings.chat_template,
        usage_stats="off",
        graceful_termination_timeout=settings.drain_s,
    )


def env(settings: ServeSettings) -> dict[str, str]:
    """The environment of the container: every flag but the address, then the user's own."""
    return to_env(flags_of(settings).model_copy(update={"hostname": None})) | settings.extra_env


def argv(settings: ServeSettings) -> list[str]:
    """The arguments of the container.

    The address is said here because Docker sets HOSTNAME to the container's id, and an argument wins over that.
    """
    return ["--hostname", settings.hostname, *settings.extra_args]
