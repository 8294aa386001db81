"""What a plan calls the engines that it is for, and the forms of weights."""

from __future__ import annotations

from typing import Literal

ServerName = Literal["tgi", "vllm", "sglang"]
"""Engines that the planner plans for."""
WeightKind = Literal["16bit", "fp8", "int8", "fp8-weight", "int8-weight", "int4", "nf4"]
"""``fp8`` and ``int8`` multiply in that type (W8A8); those with ``-weight``, and the 4-bit ones, in 16 bits."""
