"""How a server is run and spoken to: the seam that every engine fills with data and pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from zephyr_deploy.spec.base import Dtype, EngineName, Frozen, KvCacheDtype, Quantization
from zephyr_deploy.spec.types import Arguments, Environment


class ServeSettings(Frozen):
    """What an engine is asked to serve, in no engine's dialect. None means: not said, and so not rendered."""

    model_id: str
    revision: str | None = None
    quantize: Quantization | None = None
    dtype: Dtype | None = None
    kv_cache_dtype: KvCacheDtype | None = None
    num_shard: int | None = None
    speculate: int | None = None
    cuda_graphs: tuple[int, ...] | None = None
    memory_fraction: float | None = None
    max_input_tokens: int | None = None
    max_total_tokens: int | None = None
    max_batch_prefill_tokens: int | None = None
    max_batch_total_tokens: int | None = None
    max_concurrent_requests: int | None = None
    trust_remote_code: bool = False
    chat_template: str | None = None
    """Path, as the engine sees it, of the file that carries the chat template in this engine's form."""
    hostname: str = "127.0.0.1"
    port: int | None = None
    drain_s: int = 90
    """How long running requests may take to end after SIGTERM, in seconds."""
    extra_env: Environment = Field(default_factory=dict)
    extra_args: Arguments = ()


class ModelShape(Frozen):
    """The few facts of a model that decide which settings an engine accepts."""

    heads: int
    kv_heads: int
    head_dim: int
    max_positions: int
    sliding_window: int | None = None
    quant_method: str | None = None
    """``quantization_config.quant_method`` of its config.json, where there is one."""


@dataclass(frozen=True)
class Problem:
    """Why an engine would refuse its settings: the field, the reason, what to do instead."""

    setting: str
    reason: str
    fix: str


@dataclass(frozen=True)
class HealthRule:
    """How to ask the server whether it lives.

    ``generates`` says whether a 200 proves that a token was generated (SGLang: yes; TGI and vLLM: no).
    """

    path: str
    generates: bool
    port_opens_when: Literal["ready", "started"]
    """Whether the port is closed until the model is loaded, or answers 503 until then."""


@dataclass(frozen=True)
class GenerateRule:
    """A request that has the server generate one token: what no health route but SGLang's proves."""

    path: str
    body: Callable[[str], dict[str, object]]
    """From the model's id to the request's JSON."""


@dataclass(frozen=True)
class MetricNames:
    """What the figures are called on this server's ``/metrics``; None where it has none."""

    prefix: str
    running: str | None
    queued: str | None
    kv_usage: str | None
    generated_tokens: str | None
    ttft: str | None
    """Histogram of time to first token, seconds."""
    itl: str | None
    """Histogram of inter-token latency, seconds."""
    requests: str | None = None
    """Counter of requests."""


@dataclass(frozen=True)
class AuthRule:
    """What the server's own API key protects, and what it leaves open."""

    env: str | None
    """Environment variable that sets the key, so that it is never in argv; None: not to be used."""
    open_paths: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class DrainRule:
    """What SIGTERM does to running requests."""

    drains: bool
    bound_s: Callable[[int], int | None]
    """From the drain time asked for to the longest time until exit, in seconds; None: without bound."""
    note: str


@dataclass(frozen=True)
class LogCause:
    """A pattern in the server's own log and what it means to the user."""

    pattern: re.Pattern[str]
    cause: str
    fix: str
    weak: bool = False
    """The engine may get over it, or every failure ends with it: the answer only where it has ended, or stays so."""


@dataclass(frozen=True)
class Diagnosis:
    """The cause of a failure, found in a log: what to tell, what to do, and the line that shows it."""

    cause: str
    fix: str
    line: str


@dataclass(frozen=True)
class EngineSpec:
    """One engine, whole: data and pure functions, nothing that touches the world."""

    name: EngineName
    image: str | None
    """Default container image; None for an engine that runs as a plain process."""
    container_port: int
    argv: Callable[[ServeSettings], list[str]]
    env: Callable[[ServeSettings], dict[str, str]]
    problems: Callable[[ServeSettings, ModelShape | None], list[Problem]]
    health: HealthRule
    generate: GenerateRule
    metrics: MetricNames
    auth: AuthRule
    drain: DrainRule
    causes: Sequence[LogCause]
    port_flags: tuple[str, ...] = ("--port",)
    """Flags that each want a port of the host's own, one after the other; two servers must not share any."""
    shm_size: str = "1g"
    """Shared memory of the container: Docker's 64 MB are too little for NCCL."""
    milestones: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """Stages of starting, by name, in order, each with the log line that ends it."""


def diagnose(causes: Sequence[LogCause], log: Sequence[str]) -> Diagnosis | None:
    """Find the first cause, in the order of ``causes``, that any line of ``log`` shows; None if none does."""
    for cause in causes:
        for line in log:
            if cause.pattern.search(line):
                return Diagnosis(cause.cause, cause.fix, line.strip())
    return None
