"""The gateway of a deployment on a machine of its own: no engine runs there, and requests are spread over the nodes.

What is there is kept as a node keeps it, as a release. It has no secret: the nodes ask for the key.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import docker, units
from zephyr_deploy.agent.beside import Beside
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.gateway import Gateway
from zephyr_deploy.agent.layout import Layout, is_front
from zephyr_deploy.agent.look import look
from zephyr_deploy.agent.store import Store
from zephyr_deploy.agent.verbs import of_machine, status
from zephyr_deploy.agent.working import locked

if TYPE_CHECKING:
    from zephyr_deploy.agent.report import Report

ANSWER_S = 4.0
"""How long a node may take to say that it lives."""
REACH_S = 30.0
"""How long it may take until the nodes are reached: they have just been told whom to let in."""
AGAIN_S = 0.25
ANY_PORT = 9
OK, READ_BYTES = b"200", 1024


def front(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Bring the gateway to the release of the request; nothing that runs is touched where that is what is there.

    Raises:
        NodeError: it could not be done, and what was there is there; or a node is not reached, and the rest is done.
    """
    layout, release = Layout(request["name"]), str(request["release"])
    store, gateway, wait_s = Store(layout), Gateway(layout, apart=True), float(request.get("lock_wait_s", 0))
    with locked(store, request["who"], wait_s, verb="front", wanted=release, report=report):
        old, about = store.current, json.loads(request["files"]["release.json"])
        before = store.about(old) if old else {}
        if old and not is_front(before):
            raise NodeError("config", f"the machine serves {layout.name} as a node", "Take that off it first.")
        gateway.require_ports(about, before)
        store.write_release(release, request["files"])
        with report.phase("image", "Image") as phase:
            docker.pull_missing(about["images"], report.check, phase, float(request["stall_s"]))
        with report.phase("gateway", "Gateway"), report.to_the_end():
            _install(store, gateway, release, request)
        with report.phase("reach", "Reach the nodes"):
            _wait_reached(about, request["files"]["peers.pem"], report)
        store.prune({release})
        return {"release": release, "before": old}


def _install(store: Store, gateway: Gateway, release: str, request: dict[str, Any]) -> None:
    old = store.current
    try:
        gateway.install(request["files"])
    except NodeError as error:
        store.note(release, "failed", request["who"], cause=error.message)
        if not old:
            gateway.remove()
        raise
    if old != release:
        store.set_current(release)
        store.note(release, "active", request["who"], before=old)


def look_front(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """`zephyr_deploy.agent.look.look` at the machine, and how the gateway is.

    With ``ports`` (an address and a port each) those that other programs have, and which.
    """
    layout = Layout(request["name"])
    store = Store(layout)
    before = store.about(store.current)
    state = Beside(lambda: state_of(layout, store)) if is_front(before) else None
    found = look({**request, "name": ""} if state else request, report)
    found["taken"] = Gateway(layout, apart=True).taken_ports(request.get("ports", []), before)
    return {**found, "deployment": state.result} if state else found


def status_front(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """`zephyr_deploy.agent.verbs.status` of the machine, and how the gateway is."""
    layout = Layout(request["name"])
    store = Store(layout)
    if not is_front(store.about(store.current)):
        return status(request, report)
    state, uptime_s = state_of(layout, store), units.uptime_s(layout.gateway_unit)
    return {**of_machine(layout), "held": state["held"], "uptime_s": uptime_s, "deployment": state}


def sources(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """Which of its addresses the machine shows to each of ``nodes``; one of several networks has several."""
    return {"sources": _sources(request["nodes"])}


def _sources(nodes: list[str]) -> dict[str, str]:
    return {node: _source(node) for node in nodes}


def _source(node: str) -> str:
    """The address that packets to a node leave with; empty where no way leads there. Nothing is sent."""
    with socket.socket(socket.AF_INET6 if ":" in node else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((node, ANY_PORT))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def state_of(layout: Layout, store: Store) -> dict[str, Any]:
    """How the gateway is, in the words of `zephyr_deploy.agent.look.state_of`."""
    release, gateway = store.current, Gateway(layout, apart=True)
    about, shown = store.about(release), units.show(gateway.unit)
    running = gateway.running
    missed = unreached(about, gateway.authorities) if running else []
    why = "; ".join(missed) if running else f"its unit is {shown.get('ActiveState')} ({shown.get('Result')})"
    return {
        "release": release,
        "about": about,
        "lock": "",
        "state": "failed" if not running else "unhealthy" if missed else "ready",
        "detail": why,
        "sources": _sources(about["nodes"]),
        "held": running and len(missed) == len(about["nodes"]),
        "restarts": int(shown.get("NRestarts") or 0),
        "started_at": store.started(release),
    }


def _wait_reached(about: dict[str, Any], authorities: str, report: Report) -> None:
    deadline = time.monotonic() + REACH_S
    while missed := unreached(about, authorities):
        report.check()
        if time.monotonic() > deadline:
            hint = f"Let port {about['node_port']} of the nodes through to them, and translate no address on the way."
            raise NodeError("unhealthy", f"the gateway does not reach every node: {'; '.join(missed)}", hint)
        time.sleep(AGAIN_S)


def unreached(about: dict[str, Any], authorities: str) -> list[str]:
    """The nodes that do not answer the gateway's machine as they answer the gateway, each with why not."""
    nodes, port, name = about["nodes"], int(about["node_port"]), str(about["node_name"])
    asked = [Beside(lambda node=node: _ask(node, port, name, authorities)) for node in nodes]  # type: ignore[misc]
    return [one.result for one in asked if one.result]


def _ask(node: str, port: int, name: str, authorities: str) -> str:
    """Which node does not say that it lives, and why; empty where it does."""
    context = ssl.create_default_context(cadata=authorities)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 asks for more than Caddy's authority has.
    question = f"GET /health HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n"
    try:
        line = socket.create_connection((node, port), ANSWER_S)
        with line, context.wrap_socket(line, server_hostname=name) as wire:
            wire.sendall(question.encode())
            words = wire.recv(READ_BYTES).split(None, 2)
    except OSError as error:
        return f"node {node}, port {port}: {error.strerror or error}"
    said = b" ".join(words[:2]).decode(errors="replace") or "nothing"
    return "" if words[1:2] == [OK] else f"node {node}, port {port}: it answers {said}"
