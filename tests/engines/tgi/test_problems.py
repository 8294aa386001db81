"""Every trap of TGI, sprung here instead of on a paid machine. Each row names TGI's own words that it prevents."""

import pytest

from zephyr_deploy.engines.base import ModelShape, ServeSettings
from zephyr_deploy.engines.registry import engine
from zephyr_deploy.engines.tgi.flags import TgiFlags
from zephyr_deploy.engines.tgi.parse import effective
from zephyr_deploy.engines.tgi.rule import Case
from zephyr_deploy.engines.tgi.rules import RULES, flag_problems

problems = engine("tgi").problems
ZEPHYR = ModelShape(heads=32, kv_heads=8, head_dim=128, max_positions=32768, sliding_window=4096)
AWQ = ZEPHYR.model_copy(update={"quant_method": "awq"})
SMALL_HEADS = ZEPHYR.model_copy(update={"head_dim": 80})
ODD_KV = ZEPHYR.model_copy(update={"heads": 24, "kv_heads": 6})
TRIPLE = {"max_input_tokens": 3072, "max_total_tokens": 4096, "max_batch_prefill_tokens": 4096}


# (settings, shape, the setting that is blamed, TGI's own words that are prevented)
BY_SETTINGS = [
    ({"num_shard": 2, "quantize": "exl2"}, None, "engine.num_shard", "not supported with `exl2` quantization"),
    ({"num_shard": 2}, ZEPHYR.model_copy(update={"quant_method": "exl2"}), "engine.num_shard", "with `exl2`"),
    ({"num_shard": 3}, ZEPHYR, "engine.num_shard", "`num_heads` must be divisible by `num_shards`"),
    ({"num_shard": 16}, ZEPHYR, "engine.num_shard", "assert self.num_kv_heads > 0"),
    ({"num_shard": 4}, ODD_KV, "engine.num_shard", "is not compatible with sharding on"),
    ({"dtype": "float16", "quantize": "awq"}, None, "engine.dtype", "Only 1 can be set between `dtype` and `quantize`"),
    ({"dtype": "bfloat16", "quantize": "eetq"}, None, "engine.dtype", "Only 1 can be set"),
    ({"quantize": "awq"}, ZEPHYR, "engine.quantize", "make sure the model is already quantized"),
    ({"quantize": "gptq"}, ZEPHYR, "engine.quantize", "make sure the model is already quantized"),
    ({"quantize": "marlin"}, ZEPHYR, "engine.quantize", "make sure the model is already quantized"),
    ({"quantize": "exl2"}, ZEPHYR, "engine.quantize", "make sure the model is already quantized"),
    ({"quantize": "marlin"}, AWQ, "engine.quantize", "does not exist"),
    ({"quantize": "eetq"}, AWQ, "engine.quantize", "does not exist"),
    ({"quantize": "fp8"}, AWQ, "engine.quantize", "does not exist"),
    (
        {"kv_cache_dtype": "fp8_e5m2", "extra_env": {"ATTENTION": "flashdecoding"}},
        ZEPHYR,
        "engine.kv_cache_dtype",
        "FP8 KV cache is currently only supported",
    ),
    ({"kv_cache_dtype": "fp8_e5m2"}, SMALL_HEADS, "engine.kv_cache_dtype", "FP8 KV cache is currently only supported"),
    ({"model_id": "/data/zephyr", "revision": "main"}, None, "model.revision", "Unable to load tokenizer"),
    ({"model_id": "/data/zephyr.Q4_K_M.gguf"}, None, "model.id", "no .safetensors"),
    ({**TRIPLE, "max_input_tokens": 4096}, None, "limits.max_input_tokens", "must be < `max_total_tokens`"),
    ({**TRIPLE, "max_input_tokens": 5000}, None, "limits.max_input_tokens", "must be < `max_total_tokens`"),
    ({**TRIPLE, "max_input_tokens": None}, None, "limits.max_input_tokens", "hangs at `Warming up model`"),
    ({**TRIPLE, "max_total_tokens": None}, None, "limits.max_total_tokens", "must be < `max_total_tokens`"),
    ({**TRIPLE, "max_batch_prefill_tokens": None}, None, "limits.max_batch_prefill_tokens", "prefill tokens"),
    (
        {**TRIPLE, "max_batch_prefill_tokens": 1024, "max_batch_total_tokens": 2048},
        None,
        "limits.max_total_tokens",
        "`max_total_tokens` must be <= `max_batch_total_tokens`",
    ),
    (
        {**TRIPLE, "max_batch_prefill_tokens": 8192, "max_batch_total_tokens": 4096},
        None,
        "limits.max_batch_prefill_tokens",
        "`max_batch_prefill_tokens` must be <= `max_batch_total_tokens`",
    ),
    (
        {**TRIPLE, "max_batch_prefill_tokens": 2048, "speculate": 2},
        None,
        "limits.max_batch_prefill_tokens",
        "must be >= `max_input_tokens`",
    ),
    (
        {**TRIPLE, "max_batch_prefill_tokens": 2048, "extra_env": {"ATTENTION": "paged"}},
        None,
        "limits.max_batch_prefill_tokens",
        "must be >= `max_input_tokens`",
    ),
    (
        {**TRIPLE, "max_batch_prefill_tokens": 2048, "extra_env": {"PREFILL_CHUNKING": "0"}},
        None,
        "limits.max_batch_prefill_tokens",
        "must be >= `max_input_tokens`",
    ),
    (
        {**TRIPLE, "extra_env": {"MAX_INPUT_LENGTH": "3072"}},
        None,
        "limits.max_input_tokens",
        "Both `max_input_tokens` (3072) and `max_input_length` (3072) are set",
    ),
    ({"extra_env": {"SHARDED": "true"}}, None, "engine.env.SHARDED", "`sharded` is true but `num_shard` <= 1"),
    ({"extra_env": {"VALIDATION_WORKERS": "0"}}, None, "engine.env.VALIDATION_WORKERS", "must be > 0"),
    ({"extra_env": {"MAX_BATCH_SIZE": "0"}}, None, "engine.env.MAX_BATCH_SIZE", "refused by the router"),
    ({"memory_fraction": 1.5}, None, "engine.memory_fraction", "refused by torch"),
    ({"extra_env": {"API_KEY": "s3cret"}}, None, "engine.env.API_KEY", "api_key: Some("),
    ({"extra_args": ("--api-key=s3cret",)}, None, "engine.env.API_KEY", "api_key: Some("),
    ({"extra_args": ("--ngrok",)}, None, "engine.env.NGROK", "panics"),
    ({"extra_env": {"NGROK_EDGE": "edge"}}, None, "engine.env.NGROK", "panics"),
    (
        {"cuda_graphs": (1, 2), "extra_env": {"LORA_ADAPTERS": "a/b"}},
        None,
        "engine.cuda_graphs",
        "CUDA graphs silently off",
    ),
    (
        {"extra_env": {"ATTENTION": "paged", "PREFIX_CACHING": "1"}},
        None,
        "engine.env.PREFIX_CACHING",
        "Prefix caching is only supported with flashinfer",
    ),
    ({"extra_env": {"ATTENTION": "flash"}}, None, "engine.env.ATTENTION", "Attention is not valid"),
    ({"extra_env": {"ATTENTION": ""}}, None, "engine.env.ATTENTION", "Attention is not valid"),
    ({"extra_env": {"USE_PREFIX_CACHING": "1"}}, None, "engine.env.USE_PREFIX_CACHING", "ignored"),
    ({"extra_env": {"TGI_WIGGLE_ROOM": "1"}}, None, "engine.env.TGI_WIGGLE_ROOM", "assertion"),
    ({"extra_env": {"TGI_WIGGLE_ROOM": "0"}}, None, "engine.env.TGI_WIGGLE_ROOM", "assertion"),
    ({"extra_env": {"TGI_WIGGLE_ROOM": "much"}}, None, "engine.env.TGI_WIGGLE_ROOM", "assertion"),
    ({"hostname": "localhost"}, None, "engine.env.HOSTNAME", "Invalid hostname, defaulting to 0.0.0.0"),
]


def sprung(settings, shape):
    flags, knobs, _ = effective(ServeSettings(**({"model_id": "a/b"} | settings)))
    return [rule for rule in RULES if rule.springs(Case(flags, knobs, shape))]


@pytest.mark.parametrize(("settings", "shape", "blamed", "prevented"), BY_SETTINGS)
def test_a_trap_is_one_problem(settings, shape, blamed, prevented):
    (found,) = problems(ServeSettings(**({"model_id": "a/b"} | settings)), shape)
    (rule,) = sprung(settings, shape)
    assert found.setting == blamed
    assert prevented in rule.prevents
    assert "{" not in found.reason + found.fix
    assert found.fix.endswith(".")
    assert "s3cret" not in repr(found)


# (extra_env or extra_args, the setting that is blamed, words of the reason, TGI's own words that are prevented)
BY_TEXT = [
    ({"extra_env": {"QUANTIZE": ""}}, "engine.env.QUANTIZE", "empty value"),  # error: invalid value '' for '--quantize'
    ({"extra_env": {"API_KEY": ""}}, "engine.env.API_KEY", "empty value"),  # a key that is empty, and so open to all
    ({"extra_env": {"NUM_SHARD": ""}}, "engine.env.NUM_SHARD", "empty value"),  # error: invalid value ''
    ({"extra_args": ("--revision=",)}, "engine.args", "empty value"),  # Revision Not Found
    ({"extra_env": {"JSON_OUTPUT": "1"}}, "engine.env.JSON_OUTPUT", "exactly true or false"),  # error: invalid value
    ({"extra_env": {"NGROK": "no"}}, "engine.env.NGROK", "exactly true or false"),  # error: invalid value 'no'
    ({"extra_env": {"MASTER_PORT": "2_9"}}, "engine.env.MASTER_PORT", "whole number"),  # error: invalid value '2_9'
    ({"extra_env": {"PROMETHEUS_PORT": "70000"}}, "engine.env.PROMETHEUS_PORT", "65535"),  # 70000 is not in 0..=65535
    ({"extra_args": ("--max-best-of", "two")}, "engine.args", "whole number"),  # error: invalid value 'two'
    ({"extra_env": {"PORT": "8080"}}, "engine.env.PORT", "set by zephyr-deploy already"),  # a port nobody asks
    ({"extra_env": {"HOSTNAME": "node1"}}, "engine.env.HOSTNAME", "set by zephyr-deploy already"),  # Invalid hostname
    ({"extra_env": {"MODEL_ID": "x/y"}}, "engine.env.MODEL_ID", "set by zephyr-deploy already"),  # another model
    ({"extra_args": ("--quantize", "awq")}, "engine.args", "QUANTIZE is set by zephyr-deploy already"),
    ({"extra_args": ("--num-shard=2",)}, "engine.args", "NUM_SHARD is set by zephyr-deploy already"),
    ({"extra_args": ("--otlp-service-name", "my name")}, "engine.args", "space or a wildcard"),  # unexpected argument
    ({"extra_args": ("--lora-adapters=a/*",)}, "engine.args", "space or a wildcard"),  # expanded by the shell
    ({"extra_args": ("--max-best",)}, "engine.args", "no flag --max-best"),  # error: unexpected argument
    ({"extra_args": ("--max-bestof", "2")}, "engine.args", "no flag --max-bestof"),  # error: unexpected argument
    ({"extra_args": ("stray",)}, "engine.args", "no flag stray"),  # error: unexpected argument
    ({"extra_args": ("-p",)}, "engine.args", "both --port and --prometheus-port"),  # two options, one short name
    ({"extra_args": ("--max-best-of",)}, "engine.args", "needs a value"),  # error: a value is required for
    ({"extra_args": ("--max-best-of", "--json-output")}, "engine.args", "needs a value"),
    ({"extra_env": {"BAD-NAME": "1"}}, "engine.env.BAD-NAME", "environment file"),
    ({"extra_env": {"GOOD": "1\n2"}}, "engine.env.GOOD", "environment file"),
    ({"cuda_graphs": ()}, "engine.cuda_graphs", "empty list"),  # error: invalid value '' for '--cuda-graphs'
]  # fmt: skip


@pytest.mark.parametrize(("settings", "blamed", "words"), BY_TEXT)
def test_text_that_tgi_would_not_read_is_one_problem(settings, blamed, words):
    found = problems(ServeSettings(model_id="a/b", **settings), None)
    assert [problem.setting for problem in found] == [blamed]
    assert words in found[0].reason


FINE = [
    ({}, None),
    (TRIPLE, ZEPHYR),
    ({"num_shard": 8}, ZEPHYR),
    ({"quantize": "awq"}, AWQ),
    ({"quantize": "gptq"}, AWQ),
    ({"quantize": "eetq"}, ZEPHYR),
    ({"quantize": "fp8"}, ZEPHYR.model_copy(update={"quant_method": "fbgemm_fp8"})),
    ({"quantize": "bitsandbytes-nf4", "dtype": "bfloat16"}, ZEPHYR),
    ({**TRIPLE, "max_batch_prefill_tokens": 2048}, ZEPHYR),
    ({**TRIPLE, "max_batch_prefill_tokens": 3072, "speculate": 2}, ZEPHYR),
    ({"kv_cache_dtype": "fp8_e5m2", "extra_env": {"ATTENTION": "paged"}}, SMALL_HEADS),
    ({"extra_env": {"ATTENTION": "paged", "PREFIX_CACHING": "0"}}, None),
    ({"cuda_graphs": (0,), "extra_env": {"LORA_ADAPTERS": "a/b"}}, None),
    ({"model_id": "/data/zephyr"}, None),
    ({"hostname": "::1", "extra_env": {"TGI_WIGGLE_ROOM": "0.85"}}, None),
    ({"extra_env": {"SHARDED": "false"}, "num_shard": 2}, ZEPHYR),
    ({"extra_args": ("--json-output", "--max-best-of", "4", "--cuda-graphs=0")[:3]}, None),
    ({"extra_args": ("--cors-allow-origin=a", "--cors-allow-origin", "b", "--cors-allow-origin=c")}, None),
]


@pytest.mark.parametrize(("settings", "shape"), FINE)
def test_what_tgi_takes_is_no_problem(settings, shape):
    assert problems(ServeSettings(**({"model_id": "a/b"} | settings)), shape) == []


def test_every_rule_is_sprung_by_a_row():
    by_rows = {rule.prevents for settings, shape, *_ in BY_SETTINGS for rule in sprung(settings, shape)}
    only_by_flags = {"`num_shard` cannot be < 1", "`inputs` must have less than 0 tokens"}
    assert by_rows == {rule.prevents for rule in RULES} - only_by_flags


@pytest.mark.parametrize(
    ("update", "prevented"),
    [
        ({"num_shard": 0}, "`num_shard` cannot be < 1"),
        ({"max_input_tokens": 0, "max_total_tokens": 8, "max_batch_prefill_tokens": 8}, "less than 0 tokens"),
    ],
)
def test_flags_alone_are_checked_too(update, prevented):
    (problem,) = flag_problems(TgiFlags(model_id="a/b", **update))
    assert any(rule.setting == problem.setting and prevented in rule.prevents for rule in RULES)


def test_every_reason_is_reported_at_once():
    settings = ServeSettings(model_id="a/b", num_shard=3, max_total_tokens=4096, extra_env={"QUANTIZE": ""})
    assert {problem.setting for problem in problems(settings, ZEPHYR)} == {
        "engine.env.QUANTIZE",
        "engine.num_shard",
        "limits.max_input_tokens",
        "limits.max_batch_prefill_tokens",
    }


def test_a_reason_gives_the_numbers():
    (problem,) = problems(ServeSettings(model_id="a/b", num_shard=3), ZEPHYR)
    assert problem.reason == "the model's 32 attention heads cannot be shared evenly by 3 GPUs"
    assert problem.fix == "Take a number of GPUs that divides 32."


def test_a_misspelt_flag_names_the_nearest():
    (problem,) = problems(ServeSettings(model_id="a/b", extra_args=("--max-bestof", "2")), None)
    assert problem.fix == "Did you mean --max-best-of?"
