"""The forms in which weights lie in a GPU's memory, and how they are multiplied."""

from __future__ import annotations

from typing import Literal

from zephyr_deploy.plan.kinds import WeightKind
from zephyr_deploy.spec.base import Frozen


class WeightForm(Frozen):
    """One of them."""

    kind: WeightKind
    name: str
    """For people."""
    bits: float
    """Of a weight, scales and zero points included."""
    compute: Literal["16bit", "fp8", "int8"]
    """Which of a card's `zephyr_deploy.plan.gpus.Tflops` its products are bound by."""

    @property
    def bytes_per_weight(self) -> float:
        """Of the body; embedding, head and norms stay in 16 bits."""
        return self.bits / 8


GROUP = 128
"""Weights that share a scale in the 4-bit forms, as AutoAWQ and AutoGPTQ make them by default."""

FORMS: dict[WeightKind, WeightForm] = {
    form.kind: form
    for form in (
        WeightForm(kind="16bit", name="16 bit", bits=16, compute="16bit"),
        WeightForm(kind="fp8", name="FP8 (W8A8)", bits=8, compute="fp8"),
        WeightForm(kind="int8", name="INT8 (W8A8)", bits=8, compute="int8"),
        WeightForm(kind="fp8-weight", name="FP8 weights (W8A16)", bits=8, compute="16bit"),
        WeightForm(kind="int8-weight", name="INT8 weights (W8A16)", bits=8, compute="16bit"),
        # a scale of 16 bits and a zero point of 4 for each group
        WeightForm(kind="int4", name="4 bit (AWQ, GPTQ)", bits=4 + 20 / GROUP, compute="16bit"),
        # bitsandbytes: a double-quantized scale, 0.127 bits a weight (QLoRA, arXiv 2305.14314, section 3)
        WeightForm(kind="nf4", name="4 bit (NF4)", bits=4.127, compute="16bit"),
    )
}
"""By kind."""
