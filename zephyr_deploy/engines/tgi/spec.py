"""Text Generation Inference, whole. Read from the source of v3.3.7; needs a GPU to run."""

from __future__ import annotations

import re

from zephyr_deploy.engines.base import AuthRule, DrainRule, EngineSpec, GenerateRule, HealthRule, MetricNames
from zephyr_deploy.engines.tgi.causes import CAUSES
from zephyr_deploy.engines.tgi.mapping import argv, env
from zephyr_deploy.engines.tgi.rules import problems

MILESTONES = {
    "settings": re.compile(r"Starting check and download process for"),
    "download": re.compile(r"Successfully downloaded weights for"),
    "load": re.compile(r"Shard ready in [\d.]+s"),
    "webserver": re.compile(r"Warming up model"),
    "warm-up": re.compile(r"Setting max batch total tokens to \d+"),
    "connect": re.compile(r"\bConnected\b"),
}
"""The line with which each stage ends; sharded, the first shard's line counts."""

SPEC = EngineSpec(
    name="tgi",
    image="ghcr.io/huggingface/text-generation-inference:3.3.7",
    container_port=80,
    argv=argv,
    env=env,
    problems=problems,
    health=HealthRule(path="/health", generates=False, port_opens_when="ready"),
    generate=GenerateRule(path="/generate", body=lambda _model: {"inputs": "Hi", "parameters": {"max_new_tokens": 1}}),
    metrics=MetricNames(
        prefix="tgi_",
        running="tgi_batch_current_size",
        queued="tgi_queue_size",
        kv_usage=None,
        generated_tokens="tgi_request_generated_tokens_sum",
        ttft=None,
        # tgi_request_mean_time_per_token_duration is a mean over each whole request, its prompt included.
        itl=None,
        requests="tgi_request_count",
    ),
    auth=AuthRule(
        env=None,
        open_paths=(
            "/health",
            "/ping",
            "/info",
            "/metrics",
            "/v1/models",
            "/chat_tokenize",
            "/docs",
            "/api-doc/openapi.json",
        ),
        note="TGI prints its key in clear when it starts and compares it without regard to case: "
        "access goes through the tunnel or Caddy instead.",
    ),
    drain=DrainRule(
        drains=True,
        bound_s=lambda drain_s: 2 * drain_s,
        note="GRACEFUL_TERMINATION_TIMEOUT is waited for twice: the web server, then the shards.",
    ),
    causes=CAUSES,
    # The second is bound for a moment at the start, the third by torch.distributed (launcher main.rs:778, 791).
    port_flags=("--port", "--prometheus-port", "--master-port"),
    milestones=MILESTONES,
)
