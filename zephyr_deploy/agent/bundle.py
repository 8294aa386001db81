"""What this node can tell about a deployment to somebody who looks for a fault: files of text, without its key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import docker, health, machine, units
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.gateway import Gateway
from zephyr_deploy.agent.layout import DATA, ROOT, Layout
from zephyr_deploy.agent.logs import DOCKER_UNIT
from zephyr_deploy.agent.shell import run
from zephyr_deploy.agent.store import Store
from zephyr_deploy.agent.working import work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zephyr_deploy.agent.report import Report

LONGEST = 2_000_000
"""Characters of one file; of a longer one the end is kept."""
COMMANDS = {
    "disk.txt": ["df", "--human-readable", "--print-type"],
    "memory.txt": ["free", "--mebi"],
    "processes.txt": ["ps", "-eo", "pid,ppid,stat,etimes,rss,comm", "--sort=-rss"],
    "nvidia-smi.txt": ["nvidia-smi"],
    "docker-ps.txt": ["docker", "ps", "--all", "--no-trunc"],
    "docker-images.txt": ["docker", "images", "--digests"],
    "docker-df.txt": ["docker", "system", "df"],
    "listening.txt": ["ss", "--listening", "--tcp", "--numeric", "--processes"],
    "failed-units.txt": ["systemctl", "--failed", "--no-pager"],
    "clock.txt": ["timedatectl", "status"],
    "weights.txt": ["du", "--human-readable", "--max-depth=2", str(DATA)],
}
"""Programs whose output tells of the machine; none of them shows arguments or environments of processes."""


def bundle(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """The files, by name; ``lines`` says how many lines of each log. What cannot be had is told in its file."""
    layout = Layout(request["name"])
    key = Gateway(layout).api_key()
    files: dict[str, str] = {}
    for name, text in _parts(layout, int(request["lines"])):
        files[name] = (text.replace(key, "[REDACTED]") if key else text)[-LONGEST:]
    return {"files": files}


def _parts(layout: Layout, lines: int) -> Iterator[tuple[str, str]]:
    yield "machine.json", _json(machine.look())
    for name, command in COMMANDS.items():
        done = run(command)
        yield name, done.out or done.err or f"exit code {done.code}\n"
    yield from _of_release(layout)
    yield from _of_units(layout, lines)
    yield from _of_docker(layout)
    yield from _of_ports(layout)


def _of_release(layout: Layout) -> Iterator[tuple[str, str]]:
    """What was deployed: state, history, and the files of the release that serves and of the one before."""
    store = Store(layout)
    yield "state.json", _json({"current": store.current, "work": work(layout), "held": Gateway(layout).held})
    yield "history.jsonl", "".join(json.dumps(entry) + "\n" for entry in store.history())
    last = [entry["release"] for entry in reversed(store.history()) if store.has(entry["release"])]
    for release in list(dict.fromkeys([store.current, *last]))[:2]:
        for name, text in store.files(release).items() if release else ():
            yield f"releases/{release}/{name}", text
    for path in sorted([*layout.gateway.glob("*"), *layout.ports.glob("*")]):
        yield f"{path.parent.name}/{path.name}", _text(path)
    yield "others.txt", "".join(f"{path.parent}\n" for path in sorted(ROOT.glob("*/state.json")))


def _of_units(layout: Layout, lines: int) -> Iterator[tuple[str, str]]:
    last = [f"--lines={lines}", "--no-pager", "--output=short-iso-precise"]
    for unit in (*units.of(layout), DOCKER_UNIT):
        yield f"units/{unit}.txt", run(["systemctl", "show", unit, "--no-pager"]).out
        yield f"logs/{unit}.log", run(["journalctl", f"--unit={unit}", *last], timeout_s=60.0).out
    # Of the releases that are gone: why they failed is there and nowhere else.
    gone = run(["journalctl", f"--unit={layout.unit('*')}", *last], timeout_s=60.0)
    yield "logs/engines.log", gone.out or gone.err
    yield "logs/kernel.log", run(["journalctl", "--dmesg", "--boot", "--lines=300", "--no-pager"]).out


def _of_docker(layout: Layout) -> Iterator[tuple[str, str]]:
    try:
        yield "docker-info.json", _json(docker.info())
        for name in docker.containers(layout):
            yield f"containers/{name}.json", _json(docker.container(name))
    except NodeError as error:
        yield "docker-error.txt", error.message + "\n"


def _of_ports(layout: Layout) -> Iterator[tuple[str, str]]:
    """What answers at each port that an engine was given."""
    for path in sorted(layout.ports.glob("*.env")):
        port = int(_text(path).partition("=")[2].split()[0] or 0)
        for route in ("/health", "/info", "/metrics"):
            answer = health.ask(port, "GET", route)
            if answer.status:
                yield f"engine/{path.stem}{route}.txt", f"HTTP {answer.status}\n\n{answer.text}\n"


def _json(data: object) -> str:
    return json.dumps(data, indent=2, sort_keys=True) + "\n"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace") if path.is_file() else ""
    except OSError as error:
        return f"{error}\n"
