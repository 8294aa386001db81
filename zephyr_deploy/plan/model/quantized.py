"""Reads ``quantization_config`` of a config.json: how the weights in a repository are quantized already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from zephyr_deploy.plan.model.facts import StoredQuantization
from zephyr_deploy.plan.model.fields import Fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Activations = Literal["16bit", "fp8", "int8"]
MOST_BITS, MOST_GROUP = 32, 1_000_000
UNKNOWN_BITS = 16
"""Where neither the method is known nor a number of bits is said: nothing is gained by hope."""


def stored(fields: Fields) -> StoredQuantization | None:
    """How the weights are quantized; None where they are not.

    Raises:
        ConfigError: the config says it in a way that cannot be: a number of bits that is none.
    """
    # earlier versions of compressed-tensors call it so
    part = fields.part("quantization_config") or fields.part("compression_config")
    if part is None:
        return None
    said = part.text("quant_method").lower()
    if not said and part.get("config_groups") is not None:
        said = "compressed-tensors"
    return READERS.get(said, _other)(part, said)


def _group(part: Fields) -> int | None:
    """-1 stands for one scale a column."""
    size = part.whole_or_none("group_size", "q_group_size", most=MOST_GROUP, least=-1)
    return size if size and size > 0 else None


def _awq(part: Fields, said: str) -> StoredQuantization:
    bits = part.whole("bits", "w_bit", most=MOST_BITS)
    symmetric = not part.flag("zero_point", default=True)
    return StoredQuantization(method="awq", bits=bits, group=_group(part), symmetric=symmetric, said=said)


def _gptq(part: Fields, said: str) -> StoredQuantization:
    return StoredQuantization(
        method="gptq",
        bits=part.whole("bits", most=MOST_BITS),
        group=_group(part),
        symmetric=part.flag("sym", default=True),
        desc_act=part.flag("desc_act", default=False),
        said=said,
    )


def _fp8(part: Fields, said: str) -> StoredQuantization:
    block = part.get("weight_block_size")
    group = block[-1] if isinstance(block, list) and block and isinstance(block[-1], int) and block[-1] > 0 else None
    return StoredQuantization(method="fp8", bits=8, group=group, activations="fp8", said=said)


def _bitsandbytes(part: Fields, said: str) -> StoredQuantization:
    if part.flag("load_in_4bit", default=False):
        return StoredQuantization(method="bitsandbytes", bits=4, group=64, said=said)
    return StoredQuantization(method="bitsandbytes", bits=8, activations="int8", said=said)


def _compressed(part: Fields, said: str) -> StoredQuantization:
    """By the first of its groups: published models have one, or the same for all."""
    groups = part.part("config_groups")
    first = (
        next((groups.part(name) for name in groups.values if groups.get(name) is not None), None) if groups else None
    )
    weights = first.part("weights") if first else None
    if first is None or weights is None:
        return _other(part, said)
    return StoredQuantization(
        method="compressed-tensors",
        bits=weights.whole("num_bits", most=MOST_BITS),
        group=_group(weights),
        activations=_activations(first.part("input_activations")),
        symmetric=weights.flag("symmetric", default=True),
        said=said,
    )


def _activations(part: Fields | None) -> Activations:
    if part is None or part.whole_or_none("num_bits", most=MOST_BITS) != 8:  # noqa: PLR2004 - the one width there is
        return "16bit"
    return "fp8" if part.text("type") == "float" else "int8"


def _modelopt(part: Fields, said: str) -> StoredQuantization:
    algorithm = part.text("quant_algo").lower()
    if algorithm == "fp8":
        return StoredQuantization(method="fp8", bits=8, activations="fp8", said=said)
    bits = 4 if "4" in algorithm else UNKNOWN_BITS
    return StoredQuantization(method="other", bits=bits, group=_group(part), said=f"{said} {algorithm}".strip())


def _mxfp4(_: Fields, said: str) -> StoredQuantization:
    return StoredQuantization(method="other", bits=4, group=32, said=said)


def _other(part: Fields, said: str) -> StoredQuantization:
    bits = part.whole_or_none("bits", "w_bit", "num_bits", "nbits", most=MOST_BITS) or UNKNOWN_BITS
    return StoredQuantization(method="other", bits=bits, group=_group(part), said=said or "no quant_method")


READERS: Mapping[str, Callable[[Fields, str], StoredQuantization]] = {
    "awq": _awq,
    "gptq": _gptq,
    "fp8": _fp8,
    "fbgemm_fp8": _fp8,
    "bitsandbytes": _bitsandbytes,
    "compressed-tensors": _compressed,
    "modelopt": _modelopt,
    "mxfp4": _mxfp4,
}
"""By ``quant_method``."""


def beside(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A ``quantization_config`` out of the file that some tools write beside config.json.

    Args:
        name: Of the file, one of `BESIDE`.
        values: Its content.
    """
    inner = values.get("quantization")
    return {**(inner if isinstance(inner, dict) else values), "quant_method": BESIDE[name]}


BESIDE: Mapping[str, str] = {
    "quantize_config.json": "gptq",
    "quant_config.json": "awq",
    "hf_quant_config.json": "modelopt",
}
"""Files of AutoGPTQ, AutoAWQ and ModelOpt, and the method that each stands for."""
