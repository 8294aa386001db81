"""What SGLang shows with ``--enable-metrics``: ``docs/references/production_metrics.md``, and earlier names."""

from __future__ import annotations

from zephyr_deploy.engines.shown import Clock, Curve, Shown

SHOWN = Shown(
    prefix="sglang:",
    curves=(
        Curve("queue", ("sglang:num_queue_reqs",)),
        Curve("running", ("sglang:num_running_reqs",)),
        Curve("kv", ("sglang:token_usage",), scale=100.0, labels="mean"),
        Curve("output_tokens", ("sglang:generation_tokens_total",), way="rate"),
        Curve("prompt_tokens", ("sglang:prompt_tokens_total",), way="rate"),
        Curve("finished", ("sglang:num_requests_total",), way="rate"),
        Curve("cache_hits", ("sglang:cache_hit_rate",), scale=100.0, labels="mean"),
        Curve("accepted_length", ("sglang:spec_accept_length",), labels="mean"),
    ),
    clocks=(
        Clock("queue", ("sglang:queue_time_seconds",)),
        Clock("prefill", ("sglang:per_stage_req_latency_seconds",), where=("stage", "prefill_forward")),
        Clock("ttft", ("sglang:time_to_first_token_seconds",)),
        Clock("itl", ("sglang:inter_token_latency_seconds", "sglang:time_per_output_token_seconds")),
        Clock("e2e", ("sglang:e2e_request_latency_seconds",)),
    ),
    version_path="/server_info",
)
