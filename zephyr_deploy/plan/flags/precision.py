"""In which type an engine computes, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zephyr_deploy.plan.setup import Setup
    from zephyr_deploy.spec.deployment import Deployment, Dtype


def choose_dtype(setup: Setup, wish: Deployment) -> tuple[Dtype | None, str]:
    """The type to say, or None; and why."""
    if wish.engine.dtype:
        return wish.engine.dtype, ""
    native, tgi = setup.model.dtype == "bfloat16", setup.engine == "tgi"
    if setup.quantize or setup.model.quantization:
        return None, "The quantization decides it."
    if native and not setup.gpu.bf16:
        why = f"{setup.gpu.name} does not compute in bfloat16, in which the weights are stored."
        return (None if tgi else "float16"), why
    if native and tgi:
        return "bfloat16", "As the weights are stored; TGI would take float16, which holds no numbers above 65504."
    if tgi:
        return None, "TGI takes float16."
    return None, "The engine takes what the model's config says."


def quantize_why(setup: Setup) -> str:
    """Why the weights are in the form they are in."""
    stored = setup.model.quantization
    if stored:
        return f"The repository's weights are quantized already ({stored.said or stored.method})."
    if setup.quantize is None:
        return "The weights stay in 16 bits."
    return f"{setup.form.name}, made while loading: {round(setup.form.bits / 16 * 100)} % of the 16-bit weights' bytes."
