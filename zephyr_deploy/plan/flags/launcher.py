"""What TGI's launcher computes by itself where ``--max-batch-prefill-tokens`` is not said.

A port of launcher/src/main.rs of v3.3.7 (lines 31-90, 1700, 1787, 2106-2150), mistakes included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zephyr_deploy.plan.setup import Setup

TFLOPS = {
    "l4": 121,
    "l40": 181,
    "l40s": 363,
    "a10g": 125,
    "a40": 149,
    "a100-40": 312,
    "a100-80": 312,
    "a100-80-pcie": 312,
    "h100": 900,
    "h200": 989,
}
"""Cards that the launcher knows by nvidia-smi's name. It does not know Tesla T4, NVIDIA A10, NVIDIA H100 PCIe,
any GeForce and any Blackwell."""
UNKNOWN_CARD = 4096
TOO_FEW = 100
"""Fewer tokens than that it takes for a mistake."""
VRAM_SHARE = 0.95


def default_prefill_tokens(setup: Setup) -> int:
    """What the launcher would choose."""
    model, choice = setup.model, UNKNOWN_CARD
    if setup.gpu.key in TFLOPS:
        optimal = int(TFLOPS[setup.gpu.key] * 1e12 * setup.shards // flop_per_token(setup))
        choice = optimal if optimal > TOO_FEW else UNKNOWN_CARD
    bounds = [choice, model.max_positions]
    if model.quantization is None:
        bounds.append(max(0, _vram_tokens(setup)))
    return min(bounds)


def flop_per_token(setup: Setup) -> int:
    """The launcher's own count; the attention's part it takes for as large as a projection's."""
    model = setup.model
    q = 2 * model.heads * model.head_dim * model.hidden
    kv = 2 * model.kv_heads * model.head_dim * model.hidden
    mlp = 2 * 3 * model.hidden * model.intermediate * max(1, model.experts_per_token)
    return model.layers * (3 * q + 2 * kv + mlp)


def _vram_tokens(setup: Setup) -> int:
    """Tokens for which there is memory; the products of queries, keys and values lack a factor, as in the launcher."""
    model = setup.model
    attention = model.heads * model.head_dim
    mlp = 3 * model.intermediate * model.hidden * max(1, model.experts)
    layer = mlp + attention * model.hidden + (model.heads + 2 * model.kv_heads) * model.head_dim
    weights = 2 * (model.layers * layer + 2 * model.hidden * model.vocab)
    token = model.kv_heads * 2 * model.head_dim * 2 * model.layers
    token += (model.intermediate + model.intermediate // 2) * 2 * 3
    fraction = setup.memory_fraction or 1.0
    return int((setup.gpu.memory_bytes * setup.shards * fraction * VRAM_SHARE - weights) // token)
