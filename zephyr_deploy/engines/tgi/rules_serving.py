"""Everything else that TGI refuses, or takes in a way nobody means (source of v3.3.7)."""

from __future__ import annotations

import ipaddress

from zephyr_deploy.engines.tgi.rule import Case, Rule

ATTENTIONS = ("flashinfer", "flashdecoding", "flashdecoding-ipex", "paged")


def _not_an_address(case: Case) -> bool:
    try:
        ipaddress.ip_address(case.flags.hostname or "0.0.0.0")  # noqa: S104 (TGI's own default)
    except ValueError:
        return True
    return False


def _bad_wiggle_room(case: Case) -> bool:
    text = case.knobs.get("TGI_WIGGLE_ROOM")
    try:
        return text is not None and not 0 < float(text) < 1
    except ValueError:
        return True


def _key(case: Case) -> str | None:
    return case.flags.api_key.get_secret_value() if case.flags.api_key else None


SERVING = (
    Rule(
        "engine.env.API_KEY",
        lambda c: _key(c) is not None,
        "TGI prints its key in clear when it starts, ignores its case, and guards only some paths",
        "Remove it: the service listens on the loopback interface; access.expose asks for a token in front of it.",
        "[prints `api_key: Some(…)`]",
    ),
    Rule(
        "engine.env.NGROK",
        lambda c: c.flags.ngrok is True or c.flags.ngrok_authtoken is not None or c.flags.ngrok_edge is not None,
        "TGI's published image is built without ngrok and ends",
        "Remove every NGROK variable; use `zephyr-deploy tunnel` or access.expose.",
        "[panics at start]",
    ),
    Rule(
        "engine.cuda_graphs",
        lambda c: c.flags.cuda_graphs is not None and any(c.flags.cuda_graphs) and c.flags.lora_adapters is not None,
        "TGI switches CUDA graphs off when it serves LoRA adapters",
        "Remove engine.cuda_graphs.",
        "[CUDA graphs silently off]",
    ),
    Rule(
        "engine.env.PREFIX_CACHING",
        lambda c: c.prefix_caching and c.attention == "paged",
        "paged attention cannot share prefixes",
        "Remove PREFIX_CACHING or ATTENTION.",
        "Prefix caching is only supported with flashinfer",
    ),
    Rule(
        "engine.env.ATTENTION",
        lambda c: c.knobs.get("ATTENTION", "flashinfer") not in ATTENTIONS,
        "TGI has no such attention",
        "Say one of " + ", ".join(ATTENTIONS) + ", or remove it.",
        "Attention is not valid",
    ),
    Rule(
        "engine.env.USE_PREFIX_CACHING",
        lambda c: "USE_PREFIX_CACHING" in c.knobs,
        "TGI 3.3 no longer reads it",
        "Say PREFIX_CACHING instead.",
        "[ignored]",
    ),
    Rule(
        "engine.env.TGI_WIGGLE_ROOM",
        _bad_wiggle_room,
        "it is a share of the GPU's memory, above 0 and below 1",
        "Remove it, or set for example 0.9.",
        "[assertion of the shard]",
    ),
    Rule(
        "engine.env.HOSTNAME",
        _not_an_address,
        "{f.hostname} is not an IP address, and TGI then listens on every interface",
        "Say 127.0.0.1 instead of localhost.",
        "Invalid hostname, defaulting to 0.0.0.0",
    ),
)
