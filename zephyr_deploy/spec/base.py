"""What plain data of every kind is made of: its base, and the words that many of them use.

Beside `zephyr_deploy.spec.deployment` and not in it: commands that have data and no deployment need not load that.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

EngineName = Literal["tgi", "vllm", "sglang", "llamacpp"]
ProviderName = Literal["local", "ssh", "aws", "e2e"]
Quantization = Literal[
    "awq",
    "gptq",
    "marlin",
    "exl2",
    "eetq",
    "fp8",
    "compressed-tensors",
    "bitsandbytes",
    "bitsandbytes-nf4",
    "bitsandbytes-fp4",
]
Dtype = Literal["float16", "bfloat16"]
KvCacheDtype = Literal["fp8_e4m3fn", "fp8_e5m2"]


class Frozen(BaseModel):
    """Base of everything that is planned with: immutable, closed to unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        protected_namespaces=(),
        hide_input_in_errors=True,
        defer_build=True,  # a command needs few of the models that it loads; making the others' schemas takes 50 ms
    )
