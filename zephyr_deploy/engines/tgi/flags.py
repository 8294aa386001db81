"""Every flag of TGI 3.3.7's launcher, typed.

A field is a flag and an environment variable at once: ``max_total_tokens`` is ``--max-total-tokens`` and
``MAX_TOTAL_TOKENS`` (launcher/src/main.rs, v3.3.7). The types are those that the launcher's own parser accepts; what
it accepts and then fails on is told by `zephyr_deploy.engines.tgi.rules`. None means unset, and so not rendered.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from zephyr_deploy.spec.base import Dtype, Frozen, KvCacheDtype, Quantization
from zephyr_deploy.spec.secret import SecretField

ENV_ONLY = frozenset({"api_key", "ngrok_authtoken"})
"""Secrets: rendered to the environment, never to argv, which every user of the machine can read."""
ARGV_ONLY = frozenset({"env"})
"""Flags to which the launcher gives no environment variable."""
VALUED_BOOLS = frozenset({"sharded"})
"""Booleans that take a value in argv; the others are switches."""


def _rust_bool(value: object) -> object:
    # clap reads a switch's variable with ValueParser::bool(): `1`, `yes` and the empty string end the launcher.
    if isinstance(value, str):
        if value not in {"true", "false"}:
            raise ValueError("must be exactly true or false")
        return value == "true"
    return value


def _rust_int(value: object) -> object:
    # Rust's parser takes no spaces and no underscores; pydantic's takes both.
    if isinstance(value, str) and not re.fullmatch(r"\+?[0-9]+", value):
        raise ValueError("must be a whole number")
    return value


def _comma_list(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


_Int = BeforeValidator(_rust_int)
Bool = Annotated[bool, BeforeValidator(_rust_bool)]
U16 = Annotated[int, _Int, Field(ge=0, le=2**16 - 1)]
U32 = Annotated[int, _Int, Field(ge=0, le=2**32 - 1)]
USize = Annotated[int, _Int, Field(ge=0, le=2**64 - 1)]
F32 = Annotated[float, Field(allow_inf_nan=False)]
BatchSizes = Annotated[tuple[USize, ...], BeforeValidator(_comma_list), Field(min_length=1)]
Origins = Annotated[tuple[str, ...], BeforeValidator(_one_or_more), Field(min_length=1)]


class TgiFlags(Frozen):
    """The launcher's flags, in the order of its help. The launcher's defaults are in the descriptions."""

    model_id: str = Field(min_length=1, description="Hub id or a folder inside the container; bigscience/bloom-560m.")
    revision: str | None = Field(None, description="Branch, tag or commit; not with a folder.")
    validation_workers: USize | None = Field(None, description="Tokenizer workers; 2.")
    sharded: Bool | None = Field(None, description="Use all GPUs.")
    num_shard: USize = Field(1, description="Tensor parallelism. Always said: TGI's own count is wrong before 3.3.7.")
    quantize: Quantization | None = None
    speculate: USize | None = Field(None, description="Tokens speculated per step; turns prefill chunking off.")
    dtype: Dtype | None = Field(None, description="float16, whatever the model's config says.")
    kv_cache_dtype: KvCacheDtype | None = None
    trust_remote_code: Bool | None = None
    max_concurrent_requests: USize | None = Field(None, description="128; one more gets 429.")
    max_best_of: USize | None = Field(None, description="2.")
    max_stop_sequences: USize | None = Field(None, description="4.")
    max_top_n_tokens: U32 | None = Field(None, description="5.")
    max_input_tokens: USize | None = Field(None, description="max_total_tokens - 1.")
    max_input_length: USize | None = Field(None, description="Old name of max_input_tokens.")
    max_total_tokens: USize | None = Field(None, description="What fits the KV cache and the model.")
    waiting_served_ratio: F32 | None = Field(None, description="0.3; ignored with prefill chunking.")
    max_batch_prefill_tokens: U32 | None = Field(None, description="Computed from card and model.")
    max_batch_total_tokens: U32 | None = Field(None, description="Measured; checked against, not obeyed.")
    max_waiting_tokens: USize | None = Field(None, description="20; ignored with prefill chunking.")
    max_batch_size: USize | None = None
    cuda_graphs: BatchSizes | None = Field(None, description="1,2,4,8,16,32; 0 turns them off.")
    hostname: str | None = Field(None, description="0.0.0.0; an IP address, anything else binds 0.0.0.0.")
    port: U16 | None = Field(None, description="3000; the image says 80.")
    prometheus_port: U16 | None = Field(None, description="9000; bound for an instant at start, never served.")
    shard_uds_path: str | None = Field(None, description="Prefix of the shards' sockets.")
    master_addr: str | None = Field(None, description="localhost.")
    master_port: USize | None = Field(None, description="29500.")
    huggingface_hub_cache: str | None = None
    weights_cache_override: str | None = None
    disable_custom_kernels: Bool | None = None
    cuda_memory_fraction: F32 | None = Field(None, description="1.0.")
    rope_scaling: Literal["linear", "dynamic"] | None = None
    rope_factor: F32 | None = None
    json_output: Bool | None = None
    otlp_endpoint: str | None = None
    otlp_service_name: str | None = Field(None, description="text-generation-inference.router.")
    cors_allow_origin: Origins | None = Field(None, description="Any origin.")
    api_key: SecretField | None = Field(None, description="Printed in clear when TGI starts: use the tunnel or Caddy.")
    watermark_gamma: F32 | None = None
    watermark_delta: F32 | None = None
    ngrok: Bool | None = Field(None, description="Panics in the published image.")
    ngrok_authtoken: SecretField | None = None
    ngrok_edge: str | None = None
    tokenizer_config_path: str | None = Field(None, description="Replaces tokenizer_config.json.")
    disable_grammar_support: Bool | None = None
    env: Bool | None = Field(None, description="Print the environment first.")
    max_client_batch_size: USize | None = Field(None, description="4.")
    lora_adapters: str | None = None
    usage_stats: Literal["on", "off", "no-stack"] | None = Field(None, description="on: reports to Hugging Face.")
    payload_limit: USize | None = Field(None, description="2000000 bytes.")
    enable_prefill_logprobs: Bool | None = None
    graceful_termination_timeout: USize | None = Field(None, description="90 seconds, used twice.")


def flag_name(field: str) -> str:
    """The command-line flag of a field: ``max_total_tokens`` → ``--max-total-tokens``."""
    return "--" + field.replace("_", "-")


def env_name(field: str) -> str:
    """The environment variable of a field: ``max_total_tokens`` → ``MAX_TOTAL_TOKENS``."""
    return field.upper()


FIELD_OF_ENV = {env_name(name): name for name in TgiFlags.model_fields if name not in ARGV_ONLY}
FIELD_OF_FLAG = {flag_name(name): name for name in TgiFlags.model_fields}


def is_switch(field: str) -> bool:
    """Whether the flag takes no value in argv."""
    annotation = str(TgiFlags.model_fields[field].annotation)
    return "bool" in annotation and field not in VALUED_BOOLS
