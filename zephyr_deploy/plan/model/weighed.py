"""What the headers of a model's weight files add up to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zephyr_deploy.plan.model.facts import NativeDtype
from zephyr_deploy.spec.base import Frozen


class Weighed(Frozen):
    """Counts over all tensors that an engine loads; quantized ones are counted as what they stand for."""

    parameters: int = Field(ge=1)
    bytes: int = Field(ge=1)
    """As they lie in the files: scales and zero points are in it."""
    expert_parameters: int = Field(0, ge=0)
    """Of experts that a router chooses among."""
    other_parameters: int = Field(0, ge=0)
    """Of what reads pictures or sound: no token of text passes through it."""
    has_head: bool = True
    """Whether there is an output head apart from the embedding."""
    dtype: NativeDtype | None = None
    """That most of the parameters have which are not quantized."""
    format: Literal["safetensors", "gguf"] = "safetensors"
    files: int = Field(1, ge=1)
