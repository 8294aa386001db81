import pytest

from zephyr_deploy.engines.base import ModelShape, ServeSettings, diagnose
from zephyr_deploy.engines.registry import engine

SGLANG = engine("sglang")
ZEPHYR = "HuggingFaceH4/zephyr-7b-beta"
SHAPE = ModelShape(heads=32, kv_heads=8, head_dim=128, max_positions=32768, sliding_window=4096)


def test_the_least_that_is_said():
    settings = ServeSettings(model_id=ZEPHYR)
    assert SGLANG.argv(settings) == [
        *("python3", "-m", "sglang.launch_server"),
        *("--model-path", ZEPHYR),
        *("--tp-size", "1"),
        *("--host", "127.0.0.1"),
        "--enable-metrics",
    ]
    assert SGLANG.env(settings) == {}
    assert SGLANG.problems(settings, SHAPE) == []


def test_everything_that_can_be_said():
    settings = ServeSettings(
        model_id=ZEPHYR,
        revision="main",
        quantize="fp8",
        dtype="bfloat16",
        kv_cache_dtype="fp8_e5m2",
        num_shard=2,
        speculate=4,
        cuda_graphs=(0,),
        memory_fraction=0.85,
        max_total_tokens=4096,
        max_batch_prefill_tokens=2048,
        max_batch_total_tokens=65536,
        max_concurrent_requests=64,
        trust_remote_code=True,
        chat_template="/run/zephyr/zephyr.jinja",
        hostname="0.0.0.0",
        port=30000,
        extra_env={"NCCL_DEBUG": "INFO"},
        extra_args=("--disable-radix-cache",),
    )
    assert SGLANG.argv(settings) == [
        *("python3", "-m", "sglang.launch_server"),
        *("--model-path", ZEPHYR),
        *("--revision", "main"),
        *("--tp-size", "2"),
        *("--quantization", "fp8"),
        *("--dtype", "bfloat16"),
        *("--kv-cache-dtype", "fp8_e5m2"),
        *("--context-length", "4096"),
        *("--chunked-prefill-size", "2048"),
        *("--max-total-tokens", "65536"),
        *("--max-running-requests", "64"),
        *("--mem-fraction-static", "0.85"),
        *("--cuda-graph-backend-decode", "disabled"),
        *("--cuda-graph-backend-prefill", "disabled"),
        *("--speculative-algorithm", "NGRAM"),
        *("--speculative-num-draft-tokens", "4"),
        *("--chat-template", "/run/zephyr/zephyr.jinja"),
        "--trust-remote-code",
        *("--host", "0.0.0.0"),
        *("--port", "30000"),
        "--enable-metrics",
        "--disable-radix-cache",
    ]
    assert SGLANG.env(settings) == {"NCCL_DEBUG": "INFO"}
    assert SGLANG.problems(settings, SHAPE) == []


def test_sizes_of_cuda_graphs_are_those_of_decoding():
    argv = SGLANG.argv(ServeSettings(model_id=ZEPHYR, cuda_graphs=(1, 2, 8)))
    place = argv.index("--cuda-graph-bs-decode")
    assert argv[place + 1 : place + 4] == ["1", "2", "8"]
    assert "--cuda-graph-backend-decode" not in argv


@pytest.mark.parametrize(
    ("settings", "blamed", "instead"),
    [
        ({"max_input_tokens": 3072}, "limits.max_input_tokens", "limits.max_total_tokens"),
        ({"quantize": "eetq"}, "engine.quantize", "fp8"),
        ({"quantize": "exl2"}, "engine.quantize", "fp8"),
        ({"quantize": "gptq"}, "engine.quantize", "quantized with gptq"),
        ({"num_shard": 5}, "engine.num_shard", "divides 32"),
        ({"extra_args": ("--admin-api-key=s3cret",)}, "engine.args", "access.expose"),
        ({"extra_args": ("--tp-size", "2")}, "engine.args", "its own setting"),
    ],
)
def test_what_sglang_does_not_have_names_what_to_use(settings, blamed, instead):
    (problem,) = SGLANG.problems(ServeSettings(model_id=ZEPHYR, **settings), SHAPE)
    assert problem.setting == blamed
    assert instead in problem.fix
    assert "s3cret" not in repr(problem)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.", "SGLang may use"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "memory is full"),
        ('could not select device driver "" with capabilities: [[gpu]]', "cannot hand GPUs"),
    ],
)
def test_a_line_of_the_log_gives_the_cause(line, words):
    found = diagnose(SGLANG.causes, ["loading", line])
    assert found is not None
    assert words in found.cause


def test_health_generates_and_the_drain_has_no_bound():
    assert (SGLANG.health.path, SGLANG.health.generates, SGLANG.health.port_opens_when) == ("/health", True, "started")
    assert SGLANG.auth.env is None
    assert SGLANG.drain.drains
    assert SGLANG.drain.bound_s(90) is None
