"""What figures are called, and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zephyr_deploy.bench.report import Verdict

UNITS = (("_ms", "ms"), ("_per_s", "/s"), ("_s", "s"), ("_usd", "USD"), ("_mib", "MiB"), ("_j", "J"))
"""Endings of names, and the units that they stand for."""


class Name(NamedTuple):
    """Of a figure."""

    text: str
    unit: str


NAMES = {
    "ttft_ms": Name("TTFT", "ms"),
    "ttft_sched_ms": Name("TTFT from the planned time", "ms"),
    "itl_ms": Name("ITL", "ms"),
    "icl_ms": Name("Inter-chunk latency", "ms"),
    "tpot_ms": Name("TPOT", "ms"),
    "ntpot_ms": Name("E2E by output token", "ms"),
    "e2e_ms": Name("E2E", "ms"),
    "e2e_sched_ms": Name("E2E from the planned time", "ms"),
    "connect_ms": Name("New connections", "ms"),
    "rtt_ms": Name("Network round trip", "ms"),
    "late_ms": Name("Sent after the planned time", "ms"),
    "prompt_tokens": Name("Prompt tokens", ""),
    "output_tokens": Name("Output tokens", ""),
    "output_tokens_per_s": Name("Output tokens a second", "/s"),
    "requests_per_s": Name("Requests a second", "/s"),
    "usd_per_million_output_tokens": Name("USD for a million output tokens", ""),
    "model_id": Name("Model", ""),
    "per_s": Name("A second", ""),
    "slo": Name("SLO", ""),
    "ignore_eos": Name("Ignore EOS", ""),
    "load_1min": Name("Load over the last minute", ""),
    "warmup_requests": Name("Warm-up requests", ""),
    "warmup_errors": Name("Warm-up errors", ""),
    "url": Name("URL", ""),
    "gpu": Name("GPU", ""),
    "gpus": Name("GPUs", ""),
    "cpu": Name("CPU", ""),
    "kv_cache_dtype": Name("KV cache", ""),
    "price_per_hour_usd": Name("Price of an hour", "USD"),
}

DEFINITIONS = (
    ("TTFT", "first token-bearing event - first byte of the request sent"),
    ("TTFT from the planned time", "the same from the planned time (open loop)"),
    ("ITL", "every gap between token-bearing events divided by the tokens the later event carries (1 when unknown)"),
    ("Inter-chunk latency", "every gap, undivided: where events carry one token each, it is itl"),
    ("TPOT", "(last - first) / (n - 1) per request, with n output tokens"),
    ("E2E", "last token - first byte of the request sent"),
    ("E2E by output token", "e2e / n per request"),
    ("Sent after the planned time", "first byte of the request sent - the planned time (open loop)"),
    ("Output tokens a second", "output tokens of complete answers / seconds of the level"),
    ("Requests a second", "complete answers / seconds of the level"),
    ("Goodput", "share of the requests that meet every SLO; failures are misses"),
)
"""As docs/benchmarking.md has them, word for word."""

NOTES = (
    "An event is token-bearing if it has text. Tokens are counted by the server where it counts; the table says.",
    "Percentiles interpolate linearly between ranks (type 7 of Hyndman and Fan).",
    "Look at n: a p99 of 32 requests is little more than their maximum.",
    "Failed requests are in no time, token or rate figure, but for late; they are counted by kind.",
    "Small figures below another one are its 95 % confidence interval.",
)

VERDICTS: dict[Verdict, tuple[str, str]] = {
    "ok": ("Trustworthy", "The client was fast enough: these figures are the server's."),
    "noisy": ("Noisy", "Medians hold; p99 figures or rates may not."),
    "client_bottleneck": ("Client too slow", "The server may be faster than what is reported."),
}


def name_of(field: str) -> Name:
    """Of a field of the report, known or not."""
    if field in NAMES:
        return NAMES[field]
    for ending, unit in UNITS:
        if field.endswith(ending):
            return Name(_sentence(field[: -len(ending)]), unit)
    return Name(_sentence(field), "")


def _sentence(field: str) -> str:
    words = field.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
