"""Which forms of weights an engine takes on a card, and by how many cards a model can be shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.engines.tgi.rule import FLASHINFER_HEAD_DIMS

if TYPE_CHECKING:
    from zephyr_deploy.plan.gpus import Gpu
    from zephyr_deploy.plan.kinds import ServerName, WeightKind
    from zephyr_deploy.plan.model.facts import ModelFacts, StoredQuantization
    from zephyr_deploy.spec.base import KvCacheDtype, Quantization

Capability = tuple[int, int]
BYTE, HALF_BYTE = 8, 4
"""Bits."""
FP8_SINCE = (8, 9)


class Range(NamedTuple):
    """Compute capabilities that something runs on: from `since` on, below `until`."""

    since: Capability
    until: Capability | None = None

    def holds(self, gpu: Gpu) -> bool:
        """Whether the card is one of them."""
        return self.since <= gpu.capability and (self.until is None or gpu.capability < self.until)


class Way(NamedTuple):
    """One way to load weights."""

    kind: WeightKind
    quantize: Quantization | None
    on: Range


CARDS: dict[ServerName, Range] = {
    "tgi": Range((8, 0), (10, 0)),
    "vllm": Range((7, 5)),
    "sglang": Range((7, 5)),
}
"""TGI 3.3.7's kernels are built for 8.0, 8.6 and 9.0 (its Dockerfile): on T4 (issue 2456) and on Blackwell (issue 3342)
it ends without one. vLLM 0.33.0's wheel has code for 7.5 and up. SGLang 0.5.23's own heuristics name T4; not run."""

LOADING: dict[ServerName, tuple[Way, ...]] = {
    "tgi": (
        Way("16bit", None, Range((8, 0))),
        # layers/fp8.py: native on 9.0; below, FP8-Marlin multiplies in 16 bits, on 8.9 "for better performance"
        Way("fp8", "fp8", Range((9, 0))),
        Way("fp8-weight", "fp8", Range((8, 0), (9, 0))),
        Way("int8-weight", "eetq", Range((8, 0))),
        Way("nf4", "bitsandbytes-nf4", Range((8, 0))),
    ),
    "vllm": (
        Way("16bit", None, Range((7, 5))),
        # w8a8_utils.cutlass_fp8_supported, else kernels/linear/scaled_mm/marlin.py. Its 8-bit integers of unquantized
        # weights are for experts alone (config/quantization.py), so they are no way for a whole model.
        Way("fp8", "fp8", Range((8, 9))),
        Way("fp8-weight", "fp8", Range((7, 5), (8, 9))),
    ),
    "sglang": (
        Way("16bit", None, Range((7, 5))),
        Way("fp8", "fp8", Range((8, 9))),  # layers/quantization/fp8.py: 8.0 and up
        Way("fp8-weight", "fp8", Range((8, 0), (8, 9))),
    ),
}
"""What each engine makes of weights that are in 16 bits."""

TGI_EXPERTS: frozenset[WeightKind] = frozenset({"16bit", "fp8"})
"""Of a mixture of experts, TGI multiplies only these with the experts that a token goes to (layers/moe/__init__.py);
in any other form, which it makes itself, every token passes through all of them."""

STORED: dict[ServerName, dict[str, Range]] = {
    "tgi": {
        "awq": Range((8, 0)),
        "gptq": Range((8, 0)),
        "fp8": Range((8, 0)),
        "compressed-tensors": Range((8, 0)),
        "bitsandbytes": Range((8, 0)),
    },
    # get_min_capability of each; bitsandbytes is none of vLLM 0.33's methods
    "vllm": {
        "awq": Range((7, 5)),
        "gptq": Range((7, 5)),
        "fp8": Range((7, 5)),
        "compressed-tensors": Range((7, 5)),
    },
    "sglang": {
        "awq": Range((8, 0)),
        "gptq": Range((8, 0)),
        "fp8": Range((8, 0)),
        "compressed-tensors": Range((8, 0)),
        "bitsandbytes": Range((7, 5)),
    },
}
"""On which cards each engine loads weights that are quantized already; Marlin kernels for awq and gptq."""

SAID: dict[Quantization, WeightKind] = {
    "awq": "int4",
    "gptq": "int4",
    "marlin": "int4",
    "exl2": "int4",
    "compressed-tensors": "int4",
    "eetq": "int8-weight",
    "bitsandbytes": "int8-weight",
    "bitsandbytes-nf4": "nf4",
    "bitsandbytes-fp4": "nf4",
}
"""What a user means who says so, where it is none of `forms`."""


def forms(model: ModelFacts, gpu: Gpu, engine: ServerName) -> list[tuple[WeightKind, Quantization | None]]:
    """Every form of this model's weights that the engine takes on that card, with what it is told, if anything.

    Where the repository's weights are quantized already, that is the only one, and the engine reads it there.
    """
    if not CARDS[engine].holds(gpu):
        return []
    if model.quantization is not None:
        kind = stored_kind(model.quantization, gpu, engine)
        return [] if kind is None else [(kind, None)]
    ways = [(way.kind, way.quantize) for way in LOADING[engine] if way.on.holds(gpu)]
    return [way for way in ways if way[0] in TGI_EXPERTS] if engine == "tgi" and model.experts else ways


def kv_cache_dtypes(model: ModelFacts, gpu: Gpu, engine: ServerName) -> tuple[KvCacheDtype, ...]:
    """8-bit types in which the engine keeps keys and values on that card, the more exact one first.

    TGI wants flashinfer (layers/attention/kv_cache.py), which it takes for these head sizes alone. Of vLLM and SGLang
    only cards that compute in FP8 are proposed, though some of their attentions do without.
    """
    if not CARDS[engine].holds(gpu) or (engine == "tgi" and model.head_dim not in FLASHINFER_HEAD_DIMS):
        return ()
    return ("fp8_e4m3fn", "fp8_e5m2") if engine == "tgi" or gpu.capability >= FP8_SINCE else ()


def stored_kind(stored: StoredQuantization, gpu: Gpu, engine: ServerName) -> WeightKind | None:
    """The form of weights that are quantized already, on that card; None where the engine cannot load them there."""
    cards = STORED[engine].get(stored.method)
    if cards is None or not cards.holds(gpu):
        return None
    if stored.method == "fp8" or stored.activations == "fp8":
        return _fp8(gpu, engine)
    if stored.bits == BYTE:
        return "int8" if stored.activations == "int8" else "int8-weight"
    if stored.bits != HALF_BYTE:
        return None
    return "nf4" if stored.method == "bitsandbytes" else "int4"


def kind_of(model: ModelFacts, gpu: Gpu, engine: ServerName, quantize: Quantization | None) -> WeightKind:
    """The form that weights take where the engine is told ``quantize``, be it possible or not."""
    possible = forms(model, gpu, engine)
    if model.quantization is not None:
        return possible[0][0] if possible else _by_bits(model.quantization)
    found = next((kind for kind, told in possible if told == quantize), None)
    if found is not None:
        return found
    if quantize is None:
        return "16bit"
    return SAID.get(quantize, "fp8-weight")


def card_refusal(gpu: Gpu, engine: ServerName) -> str | None:
    """Why the engine does not run on that card at all; None where it does."""
    cards = CARDS[engine]
    if cards.holds(gpu):
        return None
    built = f"{cards.since[0]}.{cards.since[1]} and up" if gpu.capability < cards.since else _below(cards)
    return f"{gpu.name} has compute capability {gpu.compute_capability}, and {NAMES[engine]} is built for {built}"


NAMES: dict[ServerName, str] = {"tgi": "TGI 3.3.7", "vllm": "vLLM 0.33", "sglang": "SGLang 0.5"}
"""For people, with the version that the tables here are of."""


def shard_counts(model: ModelFacts, upto: int, engine: ServerName = "tgi") -> list[int]:
    """Numbers of cards, at most ``upto``, that can share the model."""
    return [count for count in range(1, upto + 1) if shard_refusal(model, count, engine) is None]


def shard_refusal(model: ModelFacts, shards: int, engine: ServerName = "tgi") -> str | None:
    """Why so many cards cannot share the model; None where they can."""
    if shards == 1:
        return None
    if engine == "tgi" and model.heads % shards == 0 and shards > model.kv_heads:
        return f"the model has {model.kv_heads} key-value heads, fewer than {shards} GPUs: some would have none"
    # vLLM and SGLang copy key-value heads where there are fewer than GPUs
    uneven_kv = model.kv_heads % shards and shards % model.kv_heads
    for count, what, uneven in (
        (model.heads, "attention heads", model.heads % shards),
        (model.kv_heads, "key-value heads", uneven_kv),
        (model.intermediate, "neurons a layer", model.intermediate % shards),
    ):
        if uneven:
            return f"the model's {count} {what} cannot be shared evenly by {shards} GPUs"
    group, each = model.quantization.group if model.quantization else None, model.intermediate // shards
    if group and group > 0 and each % group:
        return f"the quantization's groups of {group} do not divide the {each} neurons that each of {shards} GPUs has"
    return None


def _by_bits(stored: StoredQuantization) -> WeightKind:
    """The form whose bytes come nearest, where the engine has none."""
    if stored.bits > BYTE:
        return "16bit"
    return "int4" if stored.bits <= (BYTE + HALF_BYTE) / 2 else "int8-weight"


def _below(cards: Range) -> str:
    return f"cards below {cards.until[0]}.{cards.until[1]}" if cards.until else "others"


def _fp8(gpu: Gpu, engine: ServerName) -> WeightKind | None:
    return next((way.kind for way in LOADING[engine] if way.quantize == "fp8" and way.on.holds(gpu)), None)
