"""Reports of a benchmark, as their files have them."""

ZEPHYR = "HuggingFaceH4/zephyr-7b-beta"


def spread(value):
    return {"n": 32, "mean": value, "p50": value, "p90": value, "p99": value, "max": value}


def level(concurrency, itl_ms, **other):
    client = {"lag_p50_ms": 0, "lag_p99_ms": 0, "cpu_share": 0, "verdict": "ok", "reason": ""}
    nothing = dict.fromkeys(("itl_ms", "e2e_ms", "connect_ms", "usd_per_million_output_tokens"))
    return {
        "concurrency": concurrency,
        "requests": 32,
        "succeeded": 32,
        "errors": {},
        "error_examples": {},
        "warmup_requests": 1,
        "warmup_errors": 0,
        "seconds": 10,
        "requests_per_s": 1,
        "output_tokens_per_s": 950 * concurrency / itl_ms,
        "prompt_tokens": spread(128),
        "output_tokens": spread(64),
        "tokens_counted_by": "server",
        "ttft_ms": spread(90),
        "tpot_ms": spread(itl_ms),
        "client": client,
        **nothing,
        **other,
    }


def report(*levels, served=None, **other):
    """As version 1 of the report was before it said on which card."""
    target = {"name": "chat", "url": "http://127.0.0.1:8080", "engine": "tgi", "model_id": ZEPHYR}
    return {
        "schema_version": 1,
        "tool_version": "0.1",
        "started_at": "2026-11-02T10:00:00Z",
        "target": {**target, **({"served": served.model_dump()} if served else {})},
        "spec": {},
        "levels": levels,
        **other,
    }
