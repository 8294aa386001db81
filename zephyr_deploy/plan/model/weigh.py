"""Adds up the tensors of a model: its parameters and bytes, and which of them text does not pass through."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from zephyr_deploy.plan.model.safetensors import BITS
from zephyr_deploy.plan.model.weighed import Weighed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zephyr_deploy.plan.model.facts import NativeDtype, StoredQuantization
    from zephyr_deploy.plan.model.safetensors import Tensor

FLOATS: Mapping[str, NativeDtype] = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}
PACKED_BITS = 4
"""Of packed weights where no config says it: what AWQ and GPTQ have."""
HEADS = re.compile(r"(?:^|\.)(?:lm_head|embed_out|output_layer)\.|^output\.weight$")
EXPERTS = re.compile(r"\.experts\b")
SENSES = re.compile(
    r"(?:^|\.)(?:vision\w*|visual|image_\w+|img_\w+|audio\w*|speech\w*|embed_vision|embed_audio|vit|vlm"
    r"|multi_modal_projector|mm_projector|merger|resampler)\."
)
"""What reads pictures or sound."""
LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)\.")
SPECULATING = re.compile(r"(?:^|\.)(?:mtp|nextn)\b")
"""Heads that predict further tokens: engines leave them out unless they are told to speculate."""
SCALES = re.compile(
    r"(?:\.(?:scales|qzeros|g_idx|SCB|weight_format|(?:weight|input|k|v|q|activation|output)_(?:global_)?scale\w*"
    r"|weight_(?:zero_point|shape|g_idx)|(?:nested_)?(?:absmax|quant_map))|_scales|\.quant_state\.\w+)$"
)
"""Beside quantized weights: bytes, and no parameters."""
BUFFERS = re.compile(r"\.(?:inv_freq|masked_bias|attn\.bias|attention\.bias)$")
"""Constants that older files keep."""
PACKED = re.compile(r"(?:\.(?:qweight|weight_packed|weight)|_blocks)$")


def weigh(
    tensors: Iterable[Tensor],
    *,
    quantization: StoredQuantization | None = None,
    layers: int | None = None,
    tied: bool = False,
    files: int = 1,
) -> Weighed | None:
    """What the tensors of all files of a model add up to; None where there is none.

    Args:
        tensors: Of all files; one of a name that was there before is passed over.
        quantization: As config.json says it: how many weights are packed into an integer.
        layers: How many the model has; tensors of further ones are not loaded. None: all are counted.
        tied: Whether the head is the embedding: a copy of it is not loaded.
        files: How many there are.
    """
    counts: Counter[str] = Counter()
    dtypes: Counter[NativeDtype] = Counter()
    seen, has_head = set[str](), False
    bits = quantization.bits if quantization else PACKED_BITS
    for tensor in tensors:
        head = HEADS.search(tensor.name) is not None
        has_head = has_head or head
        if tensor.name in seen or (head and tied) or not _is_loaded(tensor, layers):
            continue
        seen.add(tensor.name)
        counts["bytes"] += tensor.bytes
        parameters = _parameters(tensor, bits)
        counts["all"] += parameters
        counts["experts"] += parameters if EXPERTS.search(tensor.name) else 0
        counts["senses"] += parameters if SENSES.search(tensor.name) else 0
        if tensor.dtype in FLOATS:
            dtypes[FLOATS[tensor.dtype]] += parameters
    if not counts["all"] or not counts["bytes"]:
        return None
    return Weighed(
        parameters=counts["all"],
        bytes=counts["bytes"],
        expert_parameters=counts["experts"],
        other_parameters=counts["senses"],
        has_head=has_head,
        dtype=dtypes.most_common(1)[0][0] if dtypes else None,
        files=files,
    )


def _is_loaded(tensor: Tensor, layers: int | None) -> bool:
    if SENSES.search(tensor.name):
        return True
    if SPECULATING.search(tensor.name):
        return False
    layer = LAYER.search(tensor.name)
    return layers is None or layer is None or int(layer[1]) < layers


def _parameters(tensor: Tensor, bits: float) -> int:
    """How many weights it stands for."""
    if SCALES.search(tensor.name) or (BUFFERS.search(tensor.name) and len(tensor.shape) != 1):
        return 0
    if tensor.name.endswith(".inv_freq"):
        return 0
    width = BITS.get(tensor.dtype, 0)
    if tensor.dtype[:1] in {"I", "U"} and bits < width and PACKED.search(tensor.name):
        return round(tensor.elements * width / bits)
    return tensor.elements
