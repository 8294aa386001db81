"""Weights, types and sharding that TGI refuses (source of v3.3.7)."""

from __future__ import annotations

from zephyr_deploy.engines.tgi.rule import Case, Rule

PREQUANTIZED = {
    "awq": {"awq"},
    "gptq": {"gptq", "awq"},
    "marlin": {"marlin", "gptq"},
    "exl2": {"exl2"},
    "compressed-tensors": {"compressed-tensors"},
}
"""Values of quantize that only load weights of that form, with the ``quant_method`` each can load.

GPTQ's loader also reads AWQ (TGI itself says so on ROCm); Marlin files declare themselves as either.
"""
ON_THE_FLY = {
    "eetq": set[str](),
    "bitsandbytes": set[str](),
    "bitsandbytes-nf4": set[str](),
    "bitsandbytes-fp4": set[str](),
    "fp8": {"fp8", "fbgemm_fp8"},
}
"""Values of quantize that quantize while loading, with the ``quant_method`` they may find done already."""


def _not_prequantized(case: Case) -> bool:
    quantize, shape = case.flags.quantize, case.shape
    return shape is not None and quantize in PREQUANTIZED and shape.quant_method is None


def _other_method(case: Case) -> bool:
    quantize, shape = case.flags.quantize, case.shape
    if quantize is None or shape is None or shape.quant_method is None:
        return False
    return shape.quant_method not in (PREQUANTIZED | ON_THE_FLY)[quantize]


def _dtype_and_quantize(case: Case) -> bool:
    quantize = case.flags.quantize
    return case.flags.dtype is not None and quantize is not None and not quantize.startswith("bitsandbytes")


def _uneven_kv_heads(case: Case) -> bool:
    shape, shards = case.shape, case.flags.num_shard
    # Where even the attention heads are uneven, that is the better thing to say.
    return shape is not None and shape.kv_heads > shards > 0 == shape.heads % shards and shape.kv_heads % shards != 0


def _exl2(case: Case) -> bool:
    return case.flags.quantize == "exl2" or (case.shape is not None and case.shape.quant_method == "exl2")


WEIGHTS = (
    Rule(
        "engine.num_shard",
        lambda c: c.flags.num_shard < 1,
        "there is no model on no GPU",
        "Set it to 1 or more.",
        "`num_shard` cannot be < 1",
    ),
    Rule(
        "engine.env.SHARDED",
        lambda c: c.flags.sharded is True and c.flags.num_shard <= 1,
        "sharded asks for two GPUs or more, and engine.num_shard is {f.num_shard}",
        "Remove SHARDED and set engine.num_shard to the number of GPUs.",
        "`sharded` is true but `num_shard` <= 1",
    ),
    Rule(
        "engine.num_shard",
        lambda c: c.flags.num_shard > 1 and _exl2(c),
        "exl2 runs on one GPU only",
        "Set engine.num_shard to 1, or take an AWQ or GPTQ version of the model.",
        "Sharding is currently not supported with `exl2` quantization",
    ),
    Rule(
        "engine.num_shard",
        lambda c: c.shape is not None and c.flags.num_shard > 0 and c.shape.heads % c.flags.num_shard != 0,
        "the model's {s.heads} attention heads cannot be shared evenly by {f.num_shard} GPUs",
        "Take a number of GPUs that divides {s.heads}.",
        "`num_heads` must be divisible by `num_shards` (got `num_heads`: 32 and `num_shards`: 3",
    ),
    Rule(
        "engine.num_shard",
        lambda c: c.shape is not None and 0 < c.shape.kv_heads < c.flags.num_shard,
        "the model has {s.kv_heads} key-value heads, fewer than {f.num_shard} GPUs: some would have none",
        "Take at most {s.kv_heads} GPUs.",
        "assert self.num_kv_heads > 0",
    ),
    Rule(
        "engine.num_shard",
        _uneven_kv_heads,
        "the model's {s.kv_heads} key-value heads cannot be shared evenly by {f.num_shard} GPUs",
        "Take a number of GPUs that divides {s.kv_heads}.",
        "is not compatible with sharding on",
    ),
    Rule(
        "engine.dtype",
        _dtype_and_quantize,
        "quantize = {f.quantize} decides the type of the weights itself",
        "Remove engine.dtype or engine.quantize.",
        "Only 1 can be set between `dtype` and `quantize`, as they both decide how goes the final model.",
    ),
    Rule(
        "engine.quantize",
        _not_prequantized,
        "{f.quantize} loads weights that are quantized already, and this model's are not",
        "Name a model quantized with {f.quantize}, or say eetq, fp8 or bitsandbytes-nf4, which quantize while loading.",
        "make sure the model is already quantized",
    ),
    Rule(
        "engine.quantize",
        _other_method,
        "the model's own config says quant_method = {s.quant_method}, and {f.quantize} cannot load that",
        "Remove engine.quantize: TGI reads the method from the model.",
        "weight model.layers.0.self_attn.q_proj.weight does not exist",
    ),
    Rule(
        "engine.kv_cache_dtype",
        lambda c: c.flags.kv_cache_dtype is not None and c.attention not in {"flashinfer", "paged"},
        "a KV cache in 8 bits needs flashinfer or paged attention, and this would use {c.attention}",
        "Remove engine.kv_cache_dtype, or ATTENTION from engine.env.",
        "FP8 KV cache is currently only supported for flashinfer on CUDA and paged attention on CUDA, ROCm",
    ),
    Rule(
        "model.revision",
        lambda c: c.local and c.flags.revision is not None,
        "with a revision TGI looks for {f.model_id} on the hub, though it is a folder",
        "Remove model.revision.",
        "Tokenizer error: Unable to load tokenizer.",
    ),
    Rule(
        "model.id",
        lambda c: c.flags.model_id.lower().endswith(".gguf"),
        "TGI cannot load GGUF files on a GPU",
        "Say --engine llamacpp, or name the repository the file was made from.",
        "[no .safetensors weights found]",
    ),
)
