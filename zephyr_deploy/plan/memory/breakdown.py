"""A GPU's memory, part by part."""

from __future__ import annotations

from zephyr_deploy.spec.deployment import Frozen


class Memory(Frozen):
    """Of each GPU, in bytes. The parts and `kv_cache` add up to `usable`, where it fits."""

    total: int
    """As the driver reports it."""
    usable: int
    """What the engine takes of it."""
    weights: int
    activations: int
    """At the largest step of prompts."""
    graphs: int
    """CUDA graphs."""
    overhead: int
    """CUDA context, communication buffers, workspaces."""
    kv_cache: int
    """What is left for it; negative: so much is missing."""
    kv_bytes_per_token: float
    margin: float
    """Share by which the sum may be off, e.g. 0.15."""

    @property
    def kv_tokens(self) -> int:
        """Tokens of all running requests that have room."""
        return max(0, int(self.kv_cache // self.kv_bytes_per_token))
