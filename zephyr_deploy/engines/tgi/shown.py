"""What TGI shows: ``docs/source/reference/metrics.md`` and ``router/src/server.rs`` of 3.3.

A request is counted when it has ended. There is no TTFT, and how full its KV cache is it does not say.
"""

from __future__ import annotations

from zephyr_deploy.engines.shown import Clock, Curve, Shown

SHOWN = Shown(
    prefix="tgi_",
    curves=(
        Curve("queue", ("tgi_queue_size",)),
        Curve("running", ("tgi_batch_current_size",)),
        Curve("batch_tokens", ("tgi_batch_current_max_tokens",)),
        Curve("output_tokens", ("tgi_request_generated_tokens_sum",), way="rate"),
        Curve("finished", ("tgi_request_success",), way="rate"),
    ),
    clocks=(
        Clock("queue", ("tgi_request_queue_duration",)),
        Clock("validation", ("tgi_request_validation_duration",)),
        Clock("inference", ("tgi_request_inference_duration",)),
        Clock("per_token", ("tgi_request_mean_time_per_token_duration",)),
        Clock("e2e", ("tgi_request_duration",)),
        Clock("prefill_step", ("tgi_batch_inference_duration",), where=("method", "prefill")),
        Clock("decode_step", ("tgi_batch_inference_duration",), where=("method", "decode")),
    ),
)
