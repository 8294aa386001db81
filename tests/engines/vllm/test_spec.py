import pytest

from zephyr_deploy.engines.base import ModelShape, ServeSettings, diagnose
from zephyr_deploy.engines.registry import engine

VLLM = engine("vllm")
ZEPHYR = "HuggingFaceH4/zephyr-7b-beta"
SHAPE = ModelShape(heads=32, kv_heads=8, head_dim=128, max_positions=32768, sliding_window=4096)


def test_the_least_that_is_said():
    settings = ServeSettings(model_id=ZEPHYR)
    assert VLLM.argv(settings) == [
        *("--model", ZEPHYR),
        *("--served-model-name", ZEPHYR, "tgi", "dummy"),
        *("--tensor-parallel-size", "1"),
        *("--host", "127.0.0.1"),
        *("--shutdown-timeout", "90"),
    ]
    assert VLLM.env(settings) == {"VLLM_NO_USAGE_STATS": "1"}
    assert VLLM.problems(settings, SHAPE) == []


def test_everything_that_can_be_said():
    settings = ServeSettings(
        model_id="TheBloke/zephyr-7B-beta-AWQ",
        revision="main",
        quantize="awq",
        dtype="float16",
        kv_cache_dtype="fp8_e4m3fn",
        num_shard=2,
        speculate=3,
        cuda_graphs=(1, 2, 4),
        memory_fraction=0.9,
        max_total_tokens=4096,
        max_batch_prefill_tokens=8192,
        max_concurrent_requests=64,
        trust_remote_code=True,
        chat_template="/run/zephyr/zephyr.jinja",
        hostname="0.0.0.0",
        port=8000,
        drain_s=60,
        extra_env={"NCCL_DEBUG": "INFO"},
        extra_args=("--enable-prefix-caching",),
    )
    assert VLLM.argv(settings) == [
        *("--model", "TheBloke/zephyr-7B-beta-AWQ"),
        *("--served-model-name", "TheBloke/zephyr-7B-beta-AWQ", "tgi", "dummy"),
        *("--revision", "main"),
        *("--tensor-parallel-size", "2"),
        *("--quantization", "awq_marlin"),
        *("--dtype", "float16"),
        *("--kv-cache-dtype", "fp8_e4m3"),
        *("--max-model-len", "4096"),
        *("--max-num-batched-tokens", "8192"),
        *("--max-num-seqs", "64"),
        *("--gpu-memory-utilization", "0.9"),
        *("--cudagraph-capture-sizes", "1", "2", "4"),
        *("--speculative-config", '{"method":"ngram","num_speculative_tokens":3,"prompt_lookup_max":4}'),
        *("--chat-template", "/run/zephyr/zephyr.jinja"),
        "--trust-remote-code",
        *("--host", "0.0.0.0"),
        *("--port", "8000"),
        *("--shutdown-timeout", "60"),
        "--enable-prefix-caching",
    ]
    assert VLLM.env(settings) == {"VLLM_NO_USAGE_STATS": "1", "NCCL_DEBUG": "INFO"}
    assert VLLM.problems(settings, SHAPE.model_copy(update={"quant_method": "awq"})) == []


def test_graphs_off_is_eager():
    argv = VLLM.argv(ServeSettings(model_id=ZEPHYR, cuda_graphs=(0,)))
    assert "--enforce-eager" in argv
    assert "--cudagraph-capture-sizes" not in argv


@pytest.mark.parametrize(
    ("quantize", "word"),
    [
        ("awq", "awq_marlin"),
        ("gptq", "gptq_marlin"),
        ("marlin", "gptq_marlin"),
        ("fp8", "fp8"),
        ("compressed-tensors", "compressed-tensors"),
    ],
)
def test_quantization_in_vllms_words(quantize, word):
    argv = VLLM.argv(ServeSettings(model_id=ZEPHYR, quantize=quantize))
    assert argv[argv.index("--quantization") + 1] == word


@pytest.mark.parametrize(
    ("settings", "blamed", "instead"),
    [
        ({"max_input_tokens": 3072}, "limits.max_input_tokens", "limits.max_total_tokens"),
        ({"max_batch_total_tokens": 65536}, "limits.max_batch_total_tokens", "engine.memory_fraction"),
        ({"quantize": "exl2"}, "engine.quantize", "awq or gptq"),
        ({"quantize": "bitsandbytes-nf4"}, "engine.quantize", "fp8 with any"),
        ({"quantize": "eetq"}, "engine.quantize", "fp8 with any"),
        ({"quantize": "awq"}, "engine.quantize", "quantized with awq"),
        ({"num_shard": 3}, "engine.num_shard", "divides 32"),
        (
            {"max_batch_prefill_tokens": 512, "max_concurrent_requests": 600},
            "limits.max_batch_prefill_tokens",
            "600 or more",
        ),
        ({"max_total_tokens": 40000}, "limits.max_total_tokens", "32768 or less"),
        ({"extra_env": {"VLLM_API_KEY": "s3cret"}}, "engine.env.VLLM_API_KEY", "access.expose"),
        ({"extra_args": ("--api-key", "s3cret")}, "engine.args", "access.expose"),
        ({"extra_args": ("--host=0.0.0.0",)}, "engine.args", "its own setting"),
    ],
)
def test_what_vllm_does_not_have_names_what_to_use(settings, blamed, instead):
    (problem,) = VLLM.problems(ServeSettings(model_id=ZEPHYR, **settings), SHAPE)
    assert problem.setting == blamed
    assert instead in problem.fix
    assert "s3cret" not in repr(problem)


def test_without_a_shape_only_the_settings_are_judged():
    assert VLLM.problems(ServeSettings(model_id=ZEPHYR, num_shard=3, quantize="awq"), None) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            (
                "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when"
                " initializing the engine."
            ),
            "nothing is left for the KV cache",
        ),
        (
            (
                "ValueError: The model's max seq len (4096) is larger than the maximum number of tokens that can be"
                " stored in KV cache (3664). Try increasing `gpu_memory_utilization` or decreasing `max_model_len`"
            ),
            "longer than the whole KV cache",
        ),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "memory is full"),
        ("nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8", "driver is too old"),
    ],
)
def test_a_line_of_the_log_gives_the_cause(line, words):
    found = diagnose(VLLM.causes, ["INFO Initializing an LLM engine", line])
    assert found is not None
    assert words in found.cause


def test_health_auth_and_drain():
    assert (VLLM.health.path, VLLM.health.generates, VLLM.health.port_opens_when) == ("/health", False, "ready")
    assert VLLM.auth.env == "VLLM_API_KEY"
    assert {"/invocations", "/tokenize", "/metrics", "/health"} <= set(VLLM.auth.open_paths)
    assert VLLM.drain.bound_s(45) == 45
