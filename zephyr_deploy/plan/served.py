"""What a running engine serves and on what: enough to know whether a measurement of it says something of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.plan.kinds import ServerName, WeightKind
from zephyr_deploy.spec.base import Frozen, KvCacheDtype

if TYPE_CHECKING:
    from zephyr_deploy.plan.setup import Setup


class Key(NamedTuple):
    """Setups that are as fast as each other, but for the version of the engine."""

    model: str
    weights: WeightKind
    kv_cache_dtype: KvCacheDtype | None
    gpu: str
    shards: int
    engine: ServerName


def key_of(setup: Setup) -> Key:
    """Which measurements count for a setup."""
    weights, cache = setup.weights, setup.kv_cache_dtype
    return Key(setup.model.id.lower(), weights, cache, setup.gpu.key, setup.shards, setup.engine)


class Served(Frozen):
    """An engine, the form of its model, and its cards."""

    model: str
    engine: ServerName
    image: str
    """Of the engine, by its tag: that is its version."""
    gpu: str
    """Key of the card in the catalogue."""
    shards: int
    weights: WeightKind
    kv_cache_dtype: KvCacheDtype | None = None
    prefill_tokens: int | None = None
    """Prompt tokens of one step at most."""

    @property
    def key(self) -> Key:
        """Which setups a measurement of it counts for."""
        return Key(self.model.lower(), self.weights, self.kv_cache_dtype, self.gpu, self.shards, self.engine)
