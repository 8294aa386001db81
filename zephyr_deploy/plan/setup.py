"""A model on cards under an engine: what is weighed, predicted and priced."""

from __future__ import annotations

from pydantic import Field

from zephyr_deploy.plan.gpus import Gpu
from zephyr_deploy.plan.kinds import ServerName, WeightKind
from zephyr_deploy.plan.model.facts import ModelFacts
from zephyr_deploy.plan.weights import FORMS, WeightForm
from zephyr_deploy.spec.base import Frozen, KvCacheDtype, Quantization

BYTES_16BIT = 2


class Setup(Frozen):
    """One way to serve a model."""

    model: ModelFacts
    engine: ServerName = "tgi"
    gpu: Gpu
    shards: int = Field(1, ge=1)
    """Tensor parallelism."""
    weights: WeightKind = "16bit"
    quantize: Quantization | None = None
    """What the engine is told so that the weights are of that kind; None: nothing, the repository says it."""
    kv_cache_dtype: KvCacheDtype | None = None
    """None: 16 bits."""
    memory_fraction: float | None = Field(None, gt=0, le=1)
    """Of the GPU, for the engine; None: the engine's own default."""

    @property
    def form(self) -> WeightForm:
        """How the weights lie."""
        return FORMS[self.weights]

    @property
    def kv_bytes_per_token(self) -> float:
        """Of one shard.

        TGI keeps keys and values of latent attention as of any other, as wide as keys (models/__init__.py of v3.3.7).
        """
        values = self.model.kv_values(self.shards, latent=self.engine != "tgi")
        return values * (1 if self.kv_cache_dtype else BYTES_16BIT)
