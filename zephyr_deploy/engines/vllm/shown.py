"""What vLLM shows: ``vllm/v1/metrics/loggers.py`` of 0.33, and the names of earlier versions."""

from __future__ import annotations

from zephyr_deploy.engines.shown import Clock, Curve, Shown

SHOWN = Shown(
    prefix="vllm:",
    curves=(
        Curve("queue", ("vllm:num_requests_waiting",)),
        Curve("running", ("vllm:num_requests_running",)),
        Curve("kv", ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"), scale=100.0, labels="mean"),
        Curve("output_tokens", ("vllm:generation_tokens_total",), way="rate"),
        Curve("prompt_tokens", ("vllm:prompt_tokens_total",), way="rate"),
        Curve("finished", ("vllm:request_success_total",), way="rate"),
        Curve(
            "cache_hits",
            ("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"),
            way="share",
            of=("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"),
            scale=100.0,
        ),
        Curve(
            "accepted",
            ("vllm:spec_decode_num_accepted_tokens_total",),
            way="share",
            of=("vllm:spec_decode_num_draft_tokens_total",),
            scale=100.0,
        ),
        Curve("preempted", ("vllm:num_preemptions_total",), way="rate"),
    ),
    clocks=(
        Clock("queue", ("vllm:request_queue_time_seconds",)),
        Clock("prefill", ("vllm:request_prefill_time_seconds",)),
        Clock("ttft", ("vllm:time_to_first_token_seconds",)),
        Clock("itl", ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds")),
        Clock("inference", ("vllm:request_inference_time_seconds",)),
        Clock("e2e", ("vllm:e2e_request_latency_seconds",)),
    ),
    version_path="/version",
)
