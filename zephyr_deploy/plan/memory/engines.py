"""How each engine divides a GPU's memory, read from its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zephyr_deploy.plan.gpus import Gpu
    from zephyr_deploy.plan.kinds import ServerName
    from zephyr_deploy.plan.setup import Setup

MIB = 2**20
TGI_WIGGLE_ROOM = 0.90
"""Share that TGI's shards use, of ``--cuda-memory-fraction`` (server/models/globals.py of v3.3.7)."""
TGI_FRACTION = 1.0
"""Default of ``--cuda-memory-fraction``."""
VLLM_UTILIZATION = 0.92
"""Default of ``--gpu-memory-utilization`` (config/cache.py of vLLM 0.33.0)."""
TGI_OVERHEAD = 500_000_000 + 128 * MIB
"""CUDA context, kernels and NCCL's buffers, fitted together with the activations; and FlashInfer's workspace for each
process (layers/attention/flashinfer.py of v3.3.7)."""
VLLM_OVERHEAD = 950_000_000
"""What logs for Llama-3.1-8B leave beside weights, activations and KV cache (A100-40, A6000, RTX 3090: within 2 % of
their KV tokens). Half of it is memory that nvidia-smi reports and CUDA does not."""
SGLANG_OVERHEAD = 1_000_000_000
"""The same, of Llama-3.1-8B on a card of 80 GB, and of QwQ-32B on four L4."""
VLLM_GRAPHS = 768 * MIB
"""vLLM captures up to 86 sizes; 0.33 estimates them and counts them in. Its logs say 0.5 to 1.1 GiB."""
TGI_GRAPHS = 400 * MIB
"""FlashInfer's 8 MiB for each of up to 19 sizes, tables of as many tokens as a request may have, and the largest size's
work, which the others share; captured in what the wiggle room leaves. Reckoned, not measured."""
SGLANG_META_MIB = 512
SGLANG_MIB_PER_TOKEN = 1.5
SGLANG_MIB_PER_GRAPH = 2
SGLANG_MIB_PER_SHARD = 128
SGLANG_EDGES_MIB = (20 * 1024, 35 * 1024, 60 * 1024, 160 * 1024)
SGLANG_LEAST_TOKENS = 2048
MANY_SHARDS = 4
SGLANG_LARGE_MIB = 60 * 1024
SGLANG_LARGE_RESERVE_MIB = 10 * 1024
"""What SGLang leaves for activations and graphs where ``--mem-fraction-static`` is not said
(arg_groups/memory_hook.py of 0.5.23): 512, 1.5 a token of a step, 2 a size of the graphs, 128 a shard; at least 10 GiB
on cards of more than 60."""


class Shares(NamedTuple):
    """Of one GPU, in bytes."""

    usable: int
    overhead: int
    graphs: int
    outside: int
    """What lies beside `usable` and takes graphs, or activations too, before `usable` has to."""
    activations_outside: bool


def shares(setup: Setup, prefill_tokens: int) -> Shares:
    """How the engine divides each GPU's memory."""
    total = setup.gpu.memory_bytes
    usable = int(total * usable_share(setup.engine, setup.gpu, setup.shards, prefill_tokens, setup.memory_fraction))
    match setup.engine:
        case "tgi":
            return Shares(usable, TGI_OVERHEAD, TGI_GRAPHS, total - usable, False)
        case "vllm":
            return Shares(usable, VLLM_OVERHEAD, VLLM_GRAPHS, 0, False)
        case "sglang":
            graphs = SGLANG_MIB_PER_GRAPH * _sglang_sizes(setup.gpu.memory_mib, setup.shards) * MIB
            return Shares(usable, SGLANG_OVERHEAD, graphs, total - usable, True)


def usable_share(engine: ServerName, gpu: Gpu, shards: int, prefill_tokens: int, fraction: float | None) -> float:
    """Share of the GPU's memory that the engine fills with weights and KV cache (and vLLM and TGI with the rest)."""
    match engine:
        case "tgi":
            return (TGI_FRACTION if fraction is None else fraction) * TGI_WIGGLE_ROOM
        case "vllm":
            return VLLM_UTILIZATION if fraction is None else fraction
        case "sglang":
            return _sglang_share(gpu, shards, prefill_tokens) if fraction is None else fraction


def _sglang_share(gpu: Gpu, shards: int, prefill_tokens: int) -> float:
    """What its heuristic leaves; never less than it leaves on a smaller card.

    The heuristic does, on a card slightly larger than one of its edges; no card is there, and nobody wants that.
    """
    mib = gpu.memory_mib
    sizes = (mib, *(edge - 1 for edge in SGLANG_EDGES_MIB if edge <= mib))
    return max(0.0, *(size - _sglang_reserve(size, shards, prefill_tokens) for size in sizes)) / mib


def _sglang_reserve(mib: int, shards: int, prefill_tokens: int) -> float:
    reserve = SGLANG_META_MIB + SGLANG_MIB_PER_TOKEN * max(prefill_tokens, SGLANG_LEAST_TOKENS)
    reserve += SGLANG_MIB_PER_SHARD * shards + SGLANG_MIB_PER_GRAPH * _sglang_sizes(mib, shards)
    return max(reserve, SGLANG_LARGE_RESERVE_MIB) if mib > SGLANG_LARGE_MIB else reserve


def _sglang_sizes(mib: int, shards: int) -> int:
    """The largest batch for which SGLang captures a graph (the same file)."""
    few = shards < MANY_SHARDS
    sizes = (8, 48 if few else 160, 32 if few else 160, 256 if few else 512, 512)
    return sizes[sum(mib >= edge for edge in SGLANG_EDGES_MIB)]
