"""The look that decides: what the machine is, and how a deployment does on it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import docker, expiry, machine, units
from zephyr_deploy.agent.beside import Beside
from zephyr_deploy.agent.engine import Engine
from zephyr_deploy.agent.gateway import Gateway
from zephyr_deploy.agent.health import listens
from zephyr_deploy.agent.layout import Layout, is_front
from zephyr_deploy.agent.store import Store

if TYPE_CHECKING:
    from zephyr_deploy.agent.report import Report

PROBE_S = 20.0


def look(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """The machine, and with ``name`` how that deployment is."""
    caller, _, here, _ = (os.environ.get("SSH_CONNECTION") or "   ").split(" ")
    state = Beside(lambda: state_of(request["name"], probe_s(request))) if request.get("name") else None
    found: dict[str, Any] = {"machine": machine.look(), "caller": caller, "here": here, "expiry": expiry.found()}
    if state is not None:
        found["deployment"] = state.result
    return found


def digests(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """The digests of ``images`` in their registry now; with ``unless_here`` of those that the node has not got."""
    registry_s, images = float(request["registry_s"]), request["images"]
    if request.get("unless_here"):
        images = [reference for reference in images if docker.image(reference) is None]
    return {"digests": {reference: docker.registry_digest(reference, registry_s) for reference in images}}


def probe_s(request: dict[str, Any]) -> float:
    """How long a generation may take, in seconds, that shows how a deployment does."""
    return float(request.get("probe_s", PROBE_S))


def state_of(name: str, probe_s: float) -> dict[str, Any] | None:
    """How a deployment is on this node, where a generation may take ``probe_s`` seconds; None if nothing of it is."""
    layout = Layout(name)
    store, release = Store(layout), Store(layout).current
    if not release:
        return None
    if is_front(store.about(release)):
        return {"release": release, "about": store.about(release)}  # `zephyr_deploy.agent.front` has the rest
    engine, gateway = Engine(layout, release, store.about(release)), Gateway(layout)
    # Asked beside systemd, for the generation takes longest; of an engine that does not run nobody waits for it.
    expiry.probing(engine.port)
    generation = Beside(lambda: engine.why_not(probe_s))
    shown, front = units.show_all([engine.unit, layout.gateway_unit])
    running = shown.get("ActiveState") in units.RUNS
    why = generation.result if running else f"its unit is {shown.get('ActiveState')} ({shown.get('Result')})"
    if not why and engine.about.get("api_key") and not gateway.api_key():
        why = "its API key was lost in a reboot; `zephyr-deploy up` sends it again"
    if not why and front.get("ActiveState") not in units.RUNS:
        why = "its gateway does not run"
    why = expiry.taken_back_words() or why
    starting = running and bool(why) and not listens(engine.port)
    return {
        "release": release,
        "about": engine.about,
        "lock": store.files(release).get("lock.json", ""),
        "state": "ready" if not why else "starting" if starting else "unhealthy" if running else "failed",
        "detail": why,
        "restarts": int(shown.get("NRestarts") or 0),
        "trial": store.trial,
        "started_at": store.started(release),
        "clock": time.time(),
        "api_key": gateway.api_key(),
        "peers": gateway.peers.known,
        "front": gateway.peers.front,
        "authority": gateway.peers.authority(),
    }
