"""What one step of prompts needs beside weights and KV cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.plan.setup import BYTES_16BIT

if TYPE_CHECKING:
    from zephyr_deploy.plan.model.facts import ModelFacts

MLP_VALUES = 3
"""Of each token and neuron: gate, up, and their product."""
BLOCK_VALUES = 3
"""Of each token and hidden unit: the residual, and input and output of the block.

With these, what two starts of TGI logged comes out within 6 % of its KV tokens: Llama-3.1-8B on L4 30k (TGI's docs,
conceptual/chunking.md), Llama-3.1-70B on two A100-80 30,816 (its issue 2744)."""
SAMPLED = 256
"""Sequences that vLLM samples for when it measures (its ``max_num_seqs`` on most cards)."""
LOGIT_BYTES = 28
"""Of each logit at that: itself, sorted, its place, its probability, their sum, and copies. What vLLM logged for
Llama-3.1-8B on A100-40 is the same for steps of 2048 and of 8192 tokens: there this is the larger."""


def step_bytes(model: ModelFacts, shards: int, tokens: int) -> int:
    """Bytes on each GPU while a step of so many prompt tokens runs."""
    copies = model.experts_per_token  # of each token's rows, one to each of its experts
    mlp = MLP_VALUES * model.intermediate * max(1, copies) / shards
    return int(tokens * (mlp + (BLOCK_VALUES + copies) * model.hidden) * BYTES_16BIT)


def sampler_bytes(model: ModelFacts) -> int:
    """Bytes on each GPU while the next tokens are drawn, where the engine measures that, too."""
    return SAMPLED * model.vocab * LOGIT_BYTES
