"""In which type an engine computes, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.plan.memory.weights import weight_bytes

if TYPE_CHECKING:
    from zephyr_deploy.plan.memory.breakdown import Memory
    from zephyr_deploy.plan.setup import Setup
    from zephyr_deploy.spec.base import Dtype
    from zephyr_deploy.spec.deployment import Deployment


def choose_dtype(setup: Setup, wish: Deployment) -> tuple[Dtype | None, str]:
    """The type to say, or None; and why."""
    if wish.engine.dtype:
        return wish.engine.dtype, ""
    native, tgi = setup.model.dtype == "bfloat16", setup.engine == "tgi"
    if native and not (setup.gpu.bf16 or tgi):
        return "float16", f"{setup.gpu.name} does not compute in bfloat16, in which the weights are stored."
    if setup.quantize or setup.model.quantization:
        return None, "The quantization decides it."
    if native and tgi and setup.gpu.bf16:
        return "bfloat16", "As the weights are stored; TGI would take float16, which holds no numbers above 65504."
    return None, "TGI takes float16." if tgi else "The engine takes what the model's config says."


def quantize_why(setup: Setup, memory: Memory) -> str:
    """Why the weights are in the form they are in, and what that takes."""
    stored, size = setup.model.quantization, f"{memory.weights / 1e9:.1f} GB on each GPU"
    if stored:
        return f"The repository's weights are quantized already ({stored.said or stored.method}): {size}."
    if setup.quantize is None:
        return f"The weights stay in 16 bits: {size}."
    whole = weight_bytes(setup.model_copy(update={"weights": "16bit", "quantize": None}))
    return f"{setup.form.name}, made while loading: {size} instead of {whole / 1e9:.1f}."
