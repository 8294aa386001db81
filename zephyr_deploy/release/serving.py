"""What of a release the speed of its engine hangs on: it is on the node, for whoever measures it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.spec.base import Frozen, KvCacheDtype, Quantization

if TYPE_CHECKING:
    from zephyr_deploy.engines.base import ServeSettings


class Serving(Frozen):
    """As the engine was told; None: it was not."""

    shards: int = 1
    quantize: Quantization | None = None
    kv_cache_dtype: KvCacheDtype | None = None
    memory_fraction: float | None = None
    prefill_tokens: int | None = None
    """Prompt tokens of one step at most."""
    total_tokens: int | None = None
    """Of prompt and answer together, at most."""
    requests: int | None = None
    """At a time, at most."""


def serving_of(serve: ServeSettings) -> Serving:
    """What of an engine's settings is kept."""
    return Serving(
        shards=serve.num_shard or 1,
        quantize=serve.quantize,
        kv_cache_dtype=serve.kv_cache_dtype,
        memory_fraction=serve.memory_fraction,
        prefill_tokens=serve.max_batch_prefill_tokens,
        total_tokens=serve.max_total_tokens,
        requests=serve.max_concurrent_requests,
    )
