"""What llama.cpp's own server shows with ``--metrics``: ``tools/server/README.md``.

Our gateway in front of it shows TGI's names. Servers of 2025 and later no longer say how full their KV cache is.
"""

from __future__ import annotations

from zephyr_deploy.engines.shown import Curve, Shown

SHOWN = Shown(
    prefix="llamacpp:",
    curves=(
        Curve("queue", ("llamacpp:requests_deferred",)),
        Curve("running", ("llamacpp:requests_processing",)),
        Curve("kv", ("llamacpp:kv_cache_usage_ratio",), scale=100.0),
        Curve("busy_slots", ("llamacpp:n_busy_slots_per_decode",)),
        Curve("output_tokens", ("llamacpp:tokens_predicted_total",), way="rate"),
        Curve("prompt_tokens", ("llamacpp:prompt_tokens_total",), way="rate"),
        Curve(
            "accepted",
            ("llamacpp:spec_decode_num_accepted_tokens_total",),
            way="share",
            of=("llamacpp:spec_decode_num_draft_tokens_total",),
            scale=100.0,
        ),
    ),
    clocks=(),
)
