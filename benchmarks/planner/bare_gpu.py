"""A model of Zephyr's shape with random weights on a real GPU, without any engine: what the hardware itself gives.

Needs PyTorch with CUDA; nothing is fetched. Prints one JSON line a figure; ``bare_gpu.csv`` holds what one H100 SXM and
one H200 SXM gave on 2026-11-26 (PyTorch 2.11, CUDA 13.0, driver 580.159.04):

- ``step``: one decode step of a batch under a CUDA graph, norms and activations fused by torch.compile, in ms. No
  scheduler, no sampling but argmax, no host: the floor under every engine on this card.
- ``step without graph``: the same launched kernel by kernel, so that the host shows.
- ``prefill``: one prompt, in ms. ``copy``: memory bandwidth of a copy, in GB/s (bytes read and written).
- ``matmul``: a square product in bf16, in TFLOP/s. ``context``: memory that CUDA takes
  for itself, in MiB.

Random weights take as long as trained ones; a product of random numbers draws more power, and so runs at lower clocks,
than one of zeros.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch.nn import functional

LAYERS, HIDDEN, INTER, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 32, 4096, 14336, 32, 8, 128, 32000
"""Of HuggingFaceH4/zephyr-7b-beta."""
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
CONTEXTS = (512, 2048)
PROMPTS = (128, 512, 1024, 2048, 4096, 8192)
REPEATS = 15
FP8_MAX = 448.0
"""Largest number of float8_e4m3fn."""


@dataclass
class Layer:
    """Weights of one layer; each is stored as (out, in)."""

    qkv: torch.Tensor
    out: torch.Tensor
    gate_up: torch.Tensor
    down: torch.Tensor
    norms: torch.Tensor


def linear(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """In bf16, or in fp8 with one scale a row of the input, which is quantized on the way (W8A8)."""
    if weight.dtype != torch.float8_e4m3fn:
        return functional.linear(x, weight)
    scale = x.abs().amax(dim=-1, keepdim=True).float().clamp(min=1e-6) / FP8_MAX
    ones = torch.full((1, weight.shape[0]), 0.02, device=x.device)
    narrow = (x / scale).to(torch.float8_e4m3fn)
    # PyTorch has no public name for it yet.
    return torch._scaled_mm(  # noqa: SLF001
        narrow, weight.t(), scale_a=scale, scale_b=ones, out_dtype=torch.bfloat16, use_fast_accum=True
    )


def norm(x: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
    """RMSNorm."""
    return x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-5).to(x.dtype) * gain


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary position embedding of (..., heads, head_dim)."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def decode_layer(
    x: torch.Tensor,
    layer: Layer,
    cache: tuple[torch.Tensor, torch.Tensor],
    angles: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """One token of each request: (batch, hidden) against keys and values of (batch, kv_heads, context, head_dim)."""
    (keys, values), (cos, sin) = cache, angles
    q, k, v = linear(norm(x, layer.norms[0]), layer.qkv).split(
        (HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM), dim=-1
    )
    batch = x.shape[0]
    q = rotate(q.view(batch, HEADS, HEAD_DIM), cos, sin).unsqueeze(2)
    keys[:, :, -1] = rotate(k.view(batch, KV_HEADS, HEAD_DIM), cos, sin)
    values[:, :, -1] = v.view(batch, KV_HEADS, HEAD_DIM)
    # Heads that share keys are put beside each other as if they were positions, so that keys are read once.
    grouped = q.view(batch, KV_HEADS, HEADS // KV_HEADS, HEAD_DIM)
    seen = functional.scaled_dot_product_attention(grouped, keys, values)
    x = x + linear(seen.reshape(batch, HEADS * HEAD_DIM), layer.out)
    gate, up = linear(norm(x, layer.norms[1]), layer.gate_up).chunk(2, dim=-1)
    return x + linear(functional.silu(gate) * up, layer.down)


def prefill_layer(x: torch.Tensor, layer: Layer, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """One prompt: (tokens, hidden), attention over itself."""
    q, k, v = linear(norm(x, layer.norms[0]), layer.qkv).split(
        (HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM), dim=-1
    )
    tokens = x.shape[0]
    q = rotate(q.view(tokens, HEADS, HEAD_DIM), cos, sin).transpose(0, 1)[None]
    k = rotate(k.view(tokens, KV_HEADS, HEAD_DIM), cos, sin).transpose(0, 1)[None]
    v = v.view(tokens, KV_HEADS, HEAD_DIM).transpose(0, 1)[None]
    seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    x = x + linear(seen[0].transpose(0, 1).reshape(tokens, HEADS * HEAD_DIM), layer.out)
    gate, up = linear(norm(x, layer.norms[1]), layer.gate_up).chunk(2, dim=-1)
    return x + linear(functional.silu(gate) * up, layer.down)


def weights(shape: tuple[int, int], form: str) -> torch.Tensor:
    """Random, of the size that keeps activations near 1."""
    made = torch.randn(shape, device="cuda", dtype=torch.bfloat16) * shape[1] ** -0.5
    return (made / 0.02).to(torch.float8_e4m3fn) if form == "fp8" else made


def layers(form: str) -> list[Layer]:
    """The whole body."""
    width = (HEADS + 2 * KV_HEADS) * HEAD_DIM
    return [
        Layer(
            qkv=weights((width, HIDDEN), form),
            out=weights((HIDDEN, HEADS * HEAD_DIM), form),
            gate_up=weights((2 * INTER, HIDDEN), form),
            down=weights((HIDDEN, INTER), form),
            norms=torch.ones((2, HIDDEN), device="cuda", dtype=torch.bfloat16),
        )
        for _ in range(LAYERS)
    ]


def timed(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median of single runs by CUDA events, in ms."""
    for _ in range(3):
        work()
    times = []
    for _ in range(repeats):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        work()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end))
    return statistics.median(times)


def free_mib() -> float:
    """Of the GPU, as the driver tells it."""
    return torch.cuda.mem_get_info()[0] / 2**20


class Report:
    """Prints what was measured."""

    def __init__(self) -> None:
        self.gpu = torch.cuda.get_device_name()

    def row(self, what: str, value: float, unit: str, *, form: str = "", batch: int = 0, tokens: int = 0) -> None:
        """One figure; ``tokens`` of context, or of the prompt."""
        said = {"gpu": self.gpu, "what": what, "form": form, "batch": batch, "tokens": tokens}
        print(json.dumps({**said, "value": round(value, 4), "unit": unit}), flush=True)


def measure_card(report: Report) -> None:
    """Bandwidth and compute without a model."""
    source = torch.empty(2**32, device="cuda", dtype=torch.uint8)
    target = torch.empty_like(source)
    report.row("copy", 2 * source.numel() / timed(partial(target.copy_, source)) / 1e6, "GB/s")
    for size in (4096, 8192):
        a = torch.randn((size, size), device="cuda", dtype=torch.bfloat16)
        report.row(
            "matmul", 2 * size**3 / timed(partial(torch.matmul, a, a), 50) / 1e9, "TFLOP/s", form="bf16", tokens=size
        )


@dataclass
class Decode:
    """One step of a batch, with a KV cache of its own."""

    body: list[Layer]
    head: torch.Tensor
    batch: int
    context: int

    def __post_init__(self) -> None:
        shape = (2, self.batch, KV_HEADS, self.context, HEAD_DIM)
        self.cache = [torch.randn(shape, device="cuda", dtype=torch.bfloat16) * 0.1 for _ in range(LAYERS)]
        self.x = torch.randn((self.batch, HIDDEN), device="cuda", dtype=torch.bfloat16)
        self.angle = torch.randn(HEAD_DIM // 2, device="cuda", dtype=torch.bfloat16)
        self.gain = torch.ones(HIDDEN, device="cuda", dtype=torch.bfloat16)
        torch.compiler.reset()  # each shape is compiled for itself
        self.layer = torch.compile(decode_layer, dynamic=False)

    def __call__(self) -> torch.Tensor:
        """The likeliest token of each request."""
        x = self.x
        for layer, kv in zip(self.body, self.cache, strict=True):
            x = self.layer(x, layer, (kv[0], kv[1]), (self.angle, self.angle))
        return functional.linear(norm(x, self.gain), self.head).argmax(-1)


def measure_decode(report: Report, body: list[Layer], head: torch.Tensor, form: str, *, deadline: float) -> None:
    """Steps of growing batches, with and without a graph."""
    for context in CONTEXTS:
        for batch in BATCHES:
            cache_mib = batch * context * LAYERS * 4 * KV_HEADS * HEAD_DIM / 2**20
            if time.monotonic() > deadline or cache_mib > 0.7 * free_mib():
                continue
            step = Decode(body, head, batch, context)
            report.row("step without graph", timed(step), "ms", form=form, batch=batch, tokens=context)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                step()
            report.row("step", timed(graph.replay), "ms", form=form, batch=batch, tokens=context)
            del step, graph
            torch.cuda.empty_cache()


def prompt(
    x: torch.Tensor,
    cos: torch.Tensor,
    layer_step: Callable[..., torch.Tensor],
    body: list[Layer],
    head: torch.Tensor,
) -> torch.Tensor:
    """The first token after a prompt."""
    for layer in body:
        x = layer_step(x, layer, cos, cos)
    return functional.linear(x[-1:], head).argmax(-1)


def measure_prefill(report: Report, body: list[Layer], head: torch.Tensor, form: str, *, deadline: float) -> None:
    """Single prompts of growing length."""
    for tokens in PROMPTS:
        if time.monotonic() > deadline:
            return
        torch.compiler.reset()
        layer_step = torch.compile(prefill_layer, dynamic=False)
        x = torch.randn((tokens, HIDDEN), device="cuda", dtype=torch.bfloat16)
        cos = torch.randn((tokens, 1, HEAD_DIM // 2), device="cuda", dtype=torch.bfloat16)

        report.row(
            "prefill", timed(partial(prompt, x, cos, layer_step, body, head)), "ms", form=form, batch=1, tokens=tokens
        )


def main() -> None:
    """Everything, within ``--seconds``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=400, help="what is not begun by then is left out")
    parser.add_argument("--forms", default="bf16,fp8", help="of the weights")
    asked = parser.parse_args()
    deadline = time.monotonic() + asked.seconds
    query = ("nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits")
    idle = float(subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0])
    torch.zeros(1, device="cuda")
    taken = float(subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0])
    report = Report()
    report.row("context", taken - idle, "MiB")
    measure_card(report)
    for form in asked.forms.split(","):
        body = layers(form)
        head = weights((VOCAB, HIDDEN), "bf16")
        measure_decode(report, body, head, form, deadline=deadline)
        measure_prefill(report, body, head, form, deadline=deadline)
        del body, head
        torch.cuda.empty_cache()


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
