"""What the user wants: plain, frozen data, checked as far as it can be without looking at the world.

A field that the user left alone keeps its default and is absent from ``model_fields_set``;
the planner relies on that to tell "Zephyr by default" from "Zephyr, and nothing else".
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from zephyr_deploy.paths import NAME_PATTERN, NAME_WORDS
from zephyr_deploy.spec.base import Dtype, EngineName, Frozen, KvCacheDtype, ProviderName, Quantization
from zephyr_deploy.spec.rules import broken_rules
from zephyr_deploy.spec.sources import SecretSource
from zephyr_deploy.spec.types import (
    Allowed,
    Arguments,
    Duration,
    Environment,
    HostKeyPins,
    Limit,
    Network,
    PlaybookSettings,
)

ZEPHYR = "HuggingFaceH4/zephyr-7b-beta"

NotifyEvent = Literal["deployed", "failed", "rolled_back", "expiring", "budget"]
NOTIFY_EVENTS: tuple[NotifyEvent, ...] = get_args(NotifyEvent)

Name = Annotated[
    str,
    Field(pattern=NAME_PATTERN),
    Allowed(NAME_WORDS),
]
Tokens = Annotated[int, Field(gt=0, le=10_000_000)]
TotalTokens = Annotated[int, Field(ge=2, le=10_000_000)]
"""At least one of the prompt and one of the answer."""


class Model(Frozen):
    """Which weights to serve."""

    id: str = Field(ZEPHYR, min_length=1, description="Hugging Face id, or the path of a GGUF file or model folder.")
    revision: str | None = Field(
        None, min_length=1, description="Branch, tag or commit of the model.", examples=["main"]
    )
    file: str | None = Field(
        None, min_length=1, description="Which GGUF file of the repository.", examples=["zephyr-7b-beta.Q4_K_M.gguf"]
    )
    trust_remote_code: bool = Field(False, description="Run Python code that the model's repository carries.")
    token_from: SecretSource | None = Field(
        None,
        description="Where the hub's token is; unset: HF_TOKEN, or what `hf auth login` stored.",
        examples=["cmd:op read op://vault/huggingface/token"],
    )


class Engine(Frozen):
    """Which server runs the model, and how it is tuned. Unset means: the planner or the engine decides."""

    name: EngineName | None = Field(None, description="The server; unset: tgi if there is a GPU.", examples=["tgi"])
    image: str | None = Field(
        None,
        min_length=1,
        description="Container image, by tag or digest.",
        examples=["ghcr.io/huggingface/text-generation-inference:3.3.7"],
    )
    quantize: Quantization | None = Field(None, description="Quantization of the weights.", examples=["awq"])
    dtype: Dtype | None = Field(
        None, description="Type of the weights; not together with most of quantize.", examples=["float16"]
    )
    kv_cache_dtype: KvCacheDtype | None = Field(None, description="Type of the KV cache.", examples=["fp8_e4m3fn"])
    num_shard: int | None = Field(
        None, ge=1, le=64, description="Tensor parallelism: how many GPUs share the model.", examples=[1]
    )
    speculate: int | None = Field(None, ge=1, le=32, description="Tokens to speculate per step.", examples=[2])
    cuda_graphs: tuple[int, ...] | None = Field(
        None, description="Batch sizes to capture; [0] turns graphs off.", examples=[[1, 2, 4, 8]]
    )
    memory_fraction: float | None = Field(None, gt=0, le=1, description="Share of GPU memory to use.", examples=[0.9])
    env: Environment = Field(
        default_factory=dict, description="More environment for the engine.", examples=[{"HF_HUB_OFFLINE": "1"}]
    )
    args: Arguments = Field(
        (), description="More arguments for the engine, as they are.", examples=[["--max-best-of", "4"]]
    )


class Machine(Frozen):
    """Where it runs."""

    gpu: str | None = Field(None, min_length=1, description="GPU by name, e.g. a100, l4, h100.", examples=["a100"])
    gpus: int | None = Field(None, ge=1, le=64, description="How many of them.", examples=[1])
    region: str | None = Field(
        None, min_length=1, description="Region or location of the cloud.", examples=["eu-central-1"]
    )
    host: str | None = Field(None, min_length=1, description="Host to reach by SSH.", examples=["gpu.example.org"])
    hosts: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (), description="More hosts, each with the same release.", examples=[["gpu2", "gpu3"]]
    )
    gateway: str | None = Field(
        None,
        min_length=1,
        description="Host of its own for the gateway in front of the others; unset: each of them has one.",
        examples=["gateway.example.org"],
    )
    user: str | None = Field(None, min_length=1, description="User to log in as.", examples=["ubuntu"])
    ssh_port: int | None = Field(None, ge=1, le=65535, description="Port of its SSH server.", examples=[2222])
    identity: str | None = Field(
        None, min_length=1, description="Private key to log in with.", examples=["~/.ssh/id_ed25519"]
    )
    identity_from: SecretSource | None = Field(
        None,
        description="Where the key is, in place of identity, if in no file: it stays in memory.",
        examples=["env:ZEPHYR_DEPLOY_KEY"],
    )
    host_keys: HostKeyPins = Field(
        default_factory=dict,
        description="Fingerprints of the host keys that hosts must show; no other is accepted of them.",
        examples=[{"gpu1": "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"}],
    )
    prepare: PlaybookSettings = Field(
        default_factory=dict,
        description="Settings of the playbook that prepares a host; playbooks/README.md has all of them.",
        examples=[{"prepare_docker_package": "distribution"}],
    )
    spot: bool = Field(False, description="Take interruptible capacity where it is cheaper.")
    disk_gb: int | None = Field(None, ge=20, description="Size of the disk in GB.", examples=[200])
    threads: int | None = Field(None, ge=1, le=1024, description="CPU threads of the embedded engine.", examples=[8])


class Limits(Frozen):
    """How much the service takes on. Tokens are the served model's tokens."""

    max_input_tokens: Tokens | None = Field(None, description="Longest prompt.", examples=[3072])
    max_total_tokens: TotalTokens | None = Field(None, description="Longest prompt plus answer.", examples=[4096])
    max_batch_prefill_tokens: Tokens | None = Field(
        None, description="Prompt tokens computed in one step.", examples=[4096]
    )
    max_batch_total_tokens: Tokens | None = Field(None, description="Tokens of all running requests.", examples=[32768])
    max_concurrent_requests: int | None = Field(
        None, ge=1, le=100_000, description="More are refused with 429.", examples=[128]
    )
    parallel: int | None = Field(
        None, ge=1, le=256, description="Requests the embedded engine computes at once.", examples=[4]
    )


class Sampling(Frozen):
    """Defaults of `chat`; Zephyr's model card recommends these."""

    temperature: float = Field(0.7, ge=0, le=10, description="Higher: more varied answers; 0: always the likeliest.")
    top_k: int = Field(50, ge=1, description="Choose among this many likeliest tokens.")
    top_p: float = Field(0.95, gt=0, le=1, description="Choose among the tokens that hold this share of likelihood.")
    max_new_tokens: int = Field(256, ge=1, description="Longest answer, in tokens.")


class Access(Frozen):
    """Who can reach the endpoint."""

    port: int = Field(8080, ge=0, le=65535, description="Port on the loopback interface; 0 takes a free one.")
    api_key: bool = Field(True, description="Ask for a bearer token, made at `up` and kept on this machine.")
    api_key_from: SecretSource | None = Field(
        None,
        description="Where the bearer token is, instead of one made at `up`.",
        examples=["env:ZEPHYR_DEMO_KEY", "file:~/.config/zephyr-key"],
    )
    expose: bool = Field(False, description="Open the endpoint to other machines (TLS and token).", examples=[True])
    domain: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9.:\[\]-]+$",
        description="Name or address of an exposed endpoint; unset: the host's.",
        examples=["llm.example.org"],
    )
    cidr: Network | None = Field(
        None, description="Who may reach an exposed endpoint; unset: the caller's address.", examples=["203.0.113.0/24"]
    )


class Cost(Frozen):
    """What a cloud may cost: its machine ends itself, with yours switched off. Providers local and ssh ignore it."""

    ttl: Limit = Field(
        timedelta(hours=8), description="The machine ends itself after this time, counted from its first boot."
    )
    idle: Limit = Field(
        timedelta(hours=1), description="The machine ends itself after this time without a request.", examples=["30m"]
    )
    max_hourly_usd: Decimal | None = Field(
        None, gt=0, description="Refuse machines dearer than this, in USD an hour.", examples=[2.5]
    )
    budget_usd: Decimal | None = Field(
        None,
        gt=0,
        description="What it may cost in all, in USD: the machine ends itself when that is spent, if not before.",
        examples=[20],
    )


class Notify(Frozen):
    """Who is told how it went, unasked. The addresses are secrets: whoever knows one can post to it."""

    slack_from: SecretSource | None = Field(
        None,
        description="Where the address of an incoming webhook of Slack is.",
        examples=["env:SLACK_WEBHOOK_URL"],
    )
    webhook_from: SecretSource | None = Field(
        None, description="Where the address is that JSON is posted to.", examples=["env:DEPLOY_WEBHOOK_URL"]
    )
    secret_from: SecretSource | None = Field(
        None,
        description="Where the secret is that signs what is posted to the webhook, as whsec_ and base64.",
        examples=["env:DEPLOY_WEBHOOK_SECRET"],
    )
    events: Annotated[tuple[NotifyEvent, ...], Allowed(f"a list of {', '.join(NOTIFY_EVENTS)}")] = Field(
        NOTIFY_EVENTS,
        description="What of; expiring and budget are told by `gc --warn`.",
        examples=[["failed", "rolled_back"]],
    )


class Gate(Frozen):
    """What a new release has to pass at `redeploy` on a machine; one that does not is taken back by itself."""

    fail_if: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (),
        description="What must not be, as `bench --fail-if` has it; a sign in the number means against the release "
        "that served before, as `compare --fail-if` has it. Without any there is no gate, unless --gate asks for one.",
        examples=[["ttft_p99>400ms", "errors>0", "output_tokens_per_s<-5%"]],
    )
    smoke: bool = Field(True, description="Whether every route has to answer before anything is measured.")
    slo: str | None = Field(
        None, min_length=1, description="What a good request meets, for goodput.", examples=["ttft=300ms,itl=40ms"]
    )
    concurrency: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        (), description="Requests at once, one level each; unset, and no rate: 1 and 4.", examples=[[1, 4, 16]]
    )
    rate: tuple[Annotated[float, Field(gt=0, le=100_000)], ...] = Field(
        (), description="Requests a second, by the clock, one level each.", examples=[[5, 10]]
    )
    requests: int | None = Field(
        None, ge=1, le=1_000_000, description="Measured requests of each level.", examples=[400]
    )
    duration: Duration | None = Field(
        None, description="How long each level starts requests; not together with requests.", examples=["30s"]
    )
    prompt_tokens: int = Field(128, ge=1, le=10_000_000, description="How long a prompt is, in tokens.")
    max_new_tokens: int = Field(64, ge=1, le=10_000_000, description="How long an answer may be, in tokens.")
    on_node: bool = Field(False, description="Send the requests from the machine that serves.")


class Deployment(Frozen):
    """One endpoint that the user wants to exist."""

    name: Name = Field("zephyr", description="Name of the deployment; everything made for it carries it.")
    provider: ProviderName = Field("local", description="Where the machine comes from.")
    model: Model = Model()
    engine: Engine = Engine()
    machine: Machine = Machine()
    limits: Limits = Limits()
    sampling: Sampling = Sampling()
    access: Access = Access()
    cost: Cost = Cost()
    notify: Notify = Notify()
    gate: Gate = Gate()

    @model_validator(mode="after")
    def _keeps_the_rules(self) -> Deployment:
        broken = broken_rules(self)
        if broken:
            reasons = "; ".join(f"{', '.join(rule.keys)}: {rule.reason}" for rule in broken)
            raise PydanticCustomError("rules", "{reasons}", {"reasons": reasons, "broken": broken})
        return self
