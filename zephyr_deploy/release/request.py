"""What a node is asked to bring about, as plain JSON. It holds secrets, and so goes through stdin."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, get_args

from zephyr_deploy.agent.peers import ALONE
from zephyr_deploy.engines.registry import engine as engine_spec
from zephyr_deploy.engines.shown import all_shown, shown_by
from zephyr_deploy.release.caddy import spreading
from zephyr_deploy.release.templates import render_template
from zephyr_deploy.spec.base import EngineName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zephyr_deploy.engines.base import EngineSpec
    from zephyr_deploy.release.release import Release
    from zephyr_deploy.spec.secret import Secret


PROBE_S = 20.0
"""How long a generation may take while somebody waits to hear how a deployment is, in seconds."""
BROKEN_S = 60.0
"""How long it may take before the engine counts as broken and is started anew, in seconds: others may wait before."""


REGISTRY_S = 30.0
"""Longest wait for a registry's answer to a small question, in seconds."""


def digests_request(images: Sequence[str], *, unless_here: bool = False) -> dict[str, Any]:
    """The request that has a node ask the registries of ``images`` for their digests now.

    Args:
        images: By name, or by digest, to see whether it can be had.
        unless_here: Leave out what the node has already.
    """
    return {"images": list(images), "registry_s": REGISTRY_S, "unless_here": unless_here}


def look_request(name: str) -> dict[str, Any]:
    """The request that has a node say what it is, and how deployment ``name`` is there."""
    return {"name": name, "probe_s": PROBE_S}


def apply_request(
    name: str,
    release: Release,
    *,
    who: Mapping[str, str],
    api_key: Secret | None,
    given_key: bool,
    hf_token: Secret | None,
    lock_wait_s: float,
    ready_s: float,
    stall_s: float,
    trial: bool = False,
) -> dict[str, Any]:
    """The request that brings a node to ``release``.

    Args:
        name: Of the deployment.
        release: Its files.
        who: Who asks; see `zephyr_deploy.deploy.origin.who`.
        api_key: What callers of the endpoint shall show.
        given_key: Whether the user has said so; another that is there by now stays else.
        hf_token: The hub's token; None if there is none.
        lock_wait_s: How long to wait while another works on the deployment there, in seconds.
        ready_s: How long the engine may take until it generates, in seconds.
        stall_s: How long the hub and the registry may bring nothing, in seconds, whatever is tried.
        trial: Whether it still has to be judged once it serves.
    """
    about = json.loads(release.files["release.json"])
    return {
        **front_request(name, release, who=who, lock_wait_s=lock_wait_s, stall_s=stall_s),
        "api_key": api_key.get_secret_value() if api_key else "",
        "given_key": given_key,
        "hf_token": hf_token.get_secret_value() if hf_token else "",
        "ready_s": ready_s,
        "trial": trial,
        **watch(about["engine"]),
    }


def judge_request(
    name: str, *, who: Mapping[str, str], api_key: Secret | None, lock_wait_s: float, ready_s: float, engine: EngineName
) -> dict[str, Any]:
    """What the request that has a node act by a verdict says of the way back; see `zephyr_deploy.agent.judge`.

    Args:
        name: Of the deployment.
        who: Who asks.
        api_key: What callers show.
        lock_wait_s: How long to wait while another works on the deployment there, in seconds.
        ready_s: How long the engine of the release before may take until it generates, in seconds.
        engine: Which it is.
    """
    key = api_key.get_secret_value() if api_key else ""
    return {
        "name": name,
        "who": dict(who),
        "api_key": key,
        "lock_wait_s": lock_wait_s,
        "ready_s": ready_s,
        **watch(engine),
    }


def meet_request(
    name: str, nodes: Sequence[str], port: int, *, authorities: Sequence[str], who: Mapping[str, str]
) -> dict[str, Any]:
    """The request that has a gateway spread requests over several machines.

    Args:
        name: Of the deployment.
        nodes: Addresses of all its machines, as they reach each other.
        port: Where their gateways meet.
        authorities: Certificates of their authorities, as PEM.
        who: Who asks.
    """
    files = {
        "entry": spreading(name, nodes, port),
        "strangers": render_template("caddy/strangers.jinja", addresses=nodes),
        "peers.pem": "".join(authorities),
    }
    return {"name": name, "who": dict(who), "nodes": list(nodes), "files": files}


def admit_request(name: str, front: str, *, who: Mapping[str, str]) -> dict[str, Any]:
    """The request that has a node let the gateway at address ``front`` in, and nobody else of other machines."""
    files = {**ALONE, "strangers": render_template("caddy/strangers.jinja", addresses=[front])}
    return {"name": name, "who": dict(who), "nodes": [], "front": front, "files": files}


def front_request(
    name: str, release: Release, *, who: Mapping[str, str], lock_wait_s: float, stall_s: float
) -> dict[str, Any]:
    """The request that brings the gateway's machine to ``release``; see `apply_request`."""
    return {
        "name": name,
        "release": release.id,
        "files": release.files,
        "who": dict(who),
        "lock_wait_s": lock_wait_s,
        "stall_s": stall_s,
    }


def watch(name: EngineName) -> dict[str, Any]:
    """How to tell that an engine fails: by its log (causes, and the stages of its start), or by its silence."""
    spec: EngineSpec = engine_spec(name)
    return {
        "causes": [
            {"pattern": cause.pattern.pattern, "cause": cause.cause, "fix": cause.fix, "weak": cause.weak}
            for cause in spec.causes
        ],
        "milestones": _stages(spec),
        "broken_s": BROKEN_S,
    }


def milestones() -> dict[str, list[list[str]]]:
    """The stages of every engine's start, with the pattern of the line that ends each: the node knows which runs."""
    return {name: _stages(engine_spec(name)) for name in get_args(EngineName)}


def figures(name: EngineName) -> dict[str, str]:
    """What the figures of an engine are called on its ``/metrics``, by what they are to us."""
    names = asdict(engine_spec(name).metrics)
    return {ours: names[ours] for ours in ("running", "queued", "generated_tokens", "requests") if names[ours]}


def status_request(name: str) -> dict[str, Any]:
    """The request that asks a node how deployment ``name`` is doing."""
    engines = {
        engine: {"figures": figures(engine), "version_path": shown_by(engine).version_path}
        for engine in get_args(EngineName)
    }
    return {**look_request(name), "engines": engines}


def watch_request(name: str, seconds: float) -> dict[str, Any]:
    """The request that has a node say every second, for so long at most, how its engine and its GPUs do."""
    engines = {engine: {"version_path": shown_by(engine).version_path} for engine in get_args(EngineName)}
    names = sorted({metric for shown in all_shown() for metric in shown.names})
    return {"name": name, "seconds": seconds, "names": names, "engines": engines}


def _stages(spec: EngineSpec) -> list[list[str]]:
    return [[stage, pattern.pattern] for stage, pattern in spec.milestones.items()]
