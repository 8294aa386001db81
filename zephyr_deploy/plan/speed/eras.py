"""Which generation of serving software an engine is of: what it costs outside the GPU hangs on that."""

from __future__ import annotations

from typing import Literal

from zephyr_deploy.plan.kinds import ServerName

Era = Literal["eager", "tgi1", "py2024", "compiled", "modern", "overlapped"]
"""``eager``: no CUDA graphs (TGI 1, DeepSpeed-MII). ``py2024``: a Python scheduler in the way of each step (vLLM up
to 0.7, TGI 2). ``compiled``: C++ or compiled loops (TensorRT-LLM, LMDeploy, TinyChat). ``modern``: a scheduler beside
the GPU, or overlapped with it (vLLM from 0.8, SGLang 0.5)."""

ERAS: dict[ServerName, Era] = {"tgi": "modern", "vllm": "modern", "sglang": "overlapped"}
"""Of the versions that are deployed. Of TGI 3 hardly anything has been published: it is taken for modern."""
EXTRAPOLATED: frozenset[ServerName] = frozenset({"tgi"})
"""Engines whose era is assumed, and not measured."""

Scheduler = Literal["first", "rounds", "mixed"]
"""What becomes of running requests while a prompt is read. ``first``: they wait (TGI, vLLM up to 0.7, DeepSpeed-MII).
``rounds``: they wait, and prompts that came together are read together (SGLang). ``mixed``: a step does both (vLLM from
0.8, TensorRT-LLM)."""

SCHEDULERS: dict[ServerName, Scheduler] = {"tgi": "first", "vllm": "mixed", "sglang": "rounds"}
