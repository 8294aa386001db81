"""A GPU's memory, part by part."""

from __future__ import annotations

from zephyr_deploy.spec.base import Frozen

MARGIN = 0.25
"""Of activations, graphs and overhead, which are estimates; the weights are counted, the GPU's memory is reported.

It covers both starts of TGI that somebody published: of the estimated 1.7 and 1.9 GB, 0.2 and 0.3 were wrong
(`zephyr_deploy.plan.memory.activations`)."""


class Memory(Frozen):
    """Of each GPU, in bytes. The parts and `kv_cache` add up to `usable`, where it fits."""

    total: int
    """As the driver reports it."""
    usable: int
    """What the engine takes of it."""
    weights: int
    activations: int
    """At the largest step of prompts; what of it lies outside of `usable` is not counted."""
    graphs: int
    """CUDA graphs; what of them lies outside of `usable` is not counted."""
    overhead: int
    """CUDA context, communication buffers, workspaces."""
    kv_cache: int
    """What is left for it; negative: so much is missing."""
    kv_bytes_per_token: float
    margin: float = MARGIN
    """Share by which activations, graphs and overhead may be off."""

    @property
    def kv_tokens(self) -> int:
        """Tokens of all running requests that have room."""
        return max(0, int(self.kv_cache // self.kv_bytes_per_token))

    @property
    def margin_bytes(self) -> int:
        """By how many bytes the KV cache may be smaller, or greater."""
        return int(self.margin * (self.activations + self.graphs + self.overhead))

    @property
    def sure_kv_tokens(self) -> int:
        """Tokens that have room even where the estimate is wrong by its margin; what is promised at a start."""
        return max(0, int((self.kv_cache - self.margin_bytes) // self.kv_bytes_per_token))

    @property
    def missing(self) -> int:
        """Bytes that are missing before the first token has room; 0 where there is some."""
        return max(0, -self.kv_cache)
