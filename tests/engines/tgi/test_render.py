"""Whole environments and argument lists, as TGI's launcher gets them."""

import pytest
from pydantic import SecretStr, ValidationError

from zephyr_deploy.engines.base import ServeSettings
from zephyr_deploy.engines.registry import engine
from zephyr_deploy.engines.tgi.flags import FIELD_OF_ENV, FIELD_OF_FLAG, TgiFlags
from zephyr_deploy.engines.tgi.mapping import OWNED, flags_of
from zephyr_deploy.engines.tgi.render import to_argv, to_env
from zephyr_deploy.errors import ConfigError

TGI = engine("tgi")
ZEPHYR = "HuggingFaceH4/zephyr-7b-beta"

EVERY_FLAG = """
model-id revision validation-workers sharded num-shard quantize speculate dtype kv-cache-dtype
trust-remote-code max-concurrent-requests max-best-of max-stop-sequences max-top-n-tokens max-input-tokens
max-input-length max-total-tokens waiting-served-ratio max-batch-prefill-tokens max-batch-total-tokens
max-waiting-tokens max-batch-size cuda-graphs hostname port prometheus-port shard-uds-path master-addr
master-port huggingface-hub-cache weights-cache-override disable-custom-kernels cuda-memory-fraction
rope-scaling rope-factor json-output otlp-endpoint otlp-service-name cors-allow-origin api-key watermark-gamma
watermark-delta ngrok ngrok-authtoken ngrok-edge tokenizer-config-path disable-grammar-support env
max-client-batch-size lora-adapters usage-stats payload-limit enable-prefill-logprobs
graceful-termination-timeout
"""
"""The launcher's own list, v3.3.7, in its order."""


def test_every_flag_of_the_launcher_is_there_and_no_other():
    assert list(FIELD_OF_FLAG) == [f"--{name}" for name in EVERY_FLAG.split()]


def test_every_flag_but_env_has_its_variable():
    expected = {name.replace("-", "_").upper() for name in EVERY_FLAG.split()} - {"ENV"}
    assert set(FIELD_OF_ENV) == expected


def test_the_least_that_is_said():
    settings = ServeSettings(model_id=ZEPHYR)
    assert TGI.env(settings) == {
        "MODEL_ID": ZEPHYR,
        "NUM_SHARD": "1",
        "USAGE_STATS": "off",
        "GRACEFUL_TERMINATION_TIMEOUT": "90",
    }
    assert TGI.argv(settings) == ["--hostname", "127.0.0.1"]


def test_everything_that_can_be_said():
    settings = ServeSettings(
        model_id=ZEPHYR,
        revision="b70e0c9",
        quantize="bitsandbytes-nf4",
        dtype="bfloat16",
        kv_cache_dtype="fp8_e5m2",
        num_shard=2,
        speculate=3,
        cuda_graphs=(1, 2, 4),
        memory_fraction=0.9,
        max_input_tokens=3072,
        max_total_tokens=4096,
        max_batch_prefill_tokens=4096,
        max_batch_total_tokens=65536,
        max_concurrent_requests=64,
        trust_remote_code=True,
        chat_template="/run/zephyr/tokenizer_config.json",
        hostname="0.0.0.0",
        port=80,
        drain_s=60,
        extra_env={"NCCL_DEBUG": "INFO", "MAX_BEST_OF": "1"},
        extra_args=("--json-output",),
    )
    assert TGI.problems(settings, None) == []
    assert TGI.env(settings) == {
        "MODEL_ID": ZEPHYR,
        "REVISION": "b70e0c9",
        "NUM_SHARD": "2",
        "QUANTIZE": "bitsandbytes-nf4",
        "SPECULATE": "3",
        "DTYPE": "bfloat16",
        "KV_CACHE_DTYPE": "fp8_e5m2",
        "TRUST_REMOTE_CODE": "true",
        "MAX_CONCURRENT_REQUESTS": "64",
        "MAX_INPUT_TOKENS": "3072",
        "MAX_TOTAL_TOKENS": "4096",
        "MAX_BATCH_PREFILL_TOKENS": "4096",
        "MAX_BATCH_TOTAL_TOKENS": "65536",
        "CUDA_GRAPHS": "1,2,4",
        "PORT": "80",
        "CUDA_MEMORY_FRACTION": "0.9",
        "TOKENIZER_CONFIG_PATH": "/run/zephyr/tokenizer_config.json",
        "USAGE_STATS": "off",
        "GRACEFUL_TERMINATION_TIMEOUT": "60",
        "NCCL_DEBUG": "INFO",
        "MAX_BEST_OF": "1",
    }
    assert TGI.argv(settings) == ["--hostname", "0.0.0.0", "--json-output"]


def test_a_user_may_turn_usage_statistics_on():
    settings = ServeSettings(model_id=ZEPHYR, extra_env={"USAGE_STATS": "on"})
    assert TGI.problems(settings, None) == []
    assert TGI.env(settings)["USAGE_STATS"] == "on"


def test_argv_of_every_kind_of_flag():
    flags = TgiFlags(
        model_id=ZEPHYR,
        sharded=False,
        trust_remote_code=True,
        json_output=False,
        cuda_graphs=(0,),
        rope_factor=2.5,
        cors_allow_origin=("https://a.example", "https://b.example"),
        env=True,
    )
    assert to_argv(flags) == [
        *("--model-id", ZEPHYR),
        *("--sharded", "false"),
        *("--num-shard", "1"),
        "--trust-remote-code",
        *("--cuda-graphs", "0"),
        *("--rope-factor", "2.5"),
        *("--cors-allow-origin", "https://a.example"),
        *("--cors-allow-origin", "https://b.example"),
        "--env",
    ]


def test_env_of_every_kind_of_flag():
    flags = TgiFlags(
        model_id=ZEPHYR,
        sharded=False,
        json_output=True,
        disable_custom_kernels=False,
        cors_allow_origin=("https://a.example",),
        api_key=SecretStr("s3cret"),
    )
    assert to_env(flags) == {
        "MODEL_ID": ZEPHYR,
        "SHARDED": "false",
        "NUM_SHARD": "1",
        "DISABLE_CUSTOM_KERNELS": "false",
        "JSON_OUTPUT": "true",
        "CORS_ALLOW_ORIGIN": "https://a.example",
        "API_KEY": "s3cret",
    }


@pytest.mark.parametrize("field", ["api_key", "ngrok_authtoken"])
def test_a_secret_never_becomes_an_argument(field):
    flags = TgiFlags.model_validate({"model_id": ZEPHYR, field: "s3cret"})
    with pytest.raises(ConfigError, match="must not be an argument") as caught:
        to_argv(flags)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(flags)


@pytest.mark.parametrize(
    ("update", "message"),
    [({"env": True}, "--env has no environment variable"), ({"cors_allow_origin": ("a", "b")}, "takes one origin")],
)
def test_what_the_environment_cannot_say(update, message):
    with pytest.raises(ConfigError, match=message):
        to_env(TgiFlags(model_id=ZEPHYR, **update))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("trust_remote_code", "1"),
        ("trust_remote_code", "True"),
        ("sharded", "yes"),
        ("json_output", ""),
        ("max_total_tokens", "4_096"),
        ("max_total_tokens", " 4096"),
        ("max_total_tokens", "-1"),
        ("port", "65536"),
        ("max_batch_prefill_tokens", str(2**32)),
        ("cuda_graphs", "1,,2"),
        ("cuda_graphs", ""),
        ("cuda_memory_fraction", "nan"),
        ("quantize", "int4"),
        ("usage_stats", "true"),
    ],
)
def test_text_that_the_launcher_would_not_parse_is_not_taken(field, text):
    with pytest.raises(ValidationError):
        TgiFlags.model_validate({"model_id": ZEPHYR, field: text})


def test_owned_names_are_flags():
    assert set(OWNED) <= set(TgiFlags.model_fields)


def test_each_setting_reaches_its_flag():
    assert flags_of(ServeSettings(model_id="a/b")).num_shard == 1
    assert flags_of(ServeSettings(model_id="a/b", cuda_graphs=())).cuda_graphs is None
