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
"""Sequences whose logits vLLM and SGLang set aside when they measure (vLLM 0.33's ``max_num_seqs`` on most cards)."""
LOGIT_BYTES = 8
"""Of each: in 32 bits, and its probability."""


def step_bytes(model: ModelFacts, shards: int, tokens: int) -> int:
    """Bytes on each GPU while a step of so many prompt tokens runs."""
    expert_share = max(1, model.experts_per_token)  # each token's rows are copied to each of its experts
    mlp = MLP_VALUES * model.intermediate * expert_share / shards
    return int(tokens * (mlp + BLOCK_VALUES * model.hidden) * BYTES_16BIT)


def logit_bytes(model: ModelFacts) -> int:
    """Bytes of the logits of one step's sequences, which every GPU holds whole."""
    return SAMPLED * model.vocab * LOGIT_BYTES
