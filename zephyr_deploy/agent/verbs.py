"""What a node can be asked about a deployment, and to do with it, but for what has a module of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import docker, expiry, machine, metrics, units
from zephyr_deploy.agent.engine import Engine
from zephyr_deploy.agent.gateway import Gateway
from zephyr_deploy.agent.layout import DATA, ROOT, Layout, model_folder
from zephyr_deploy.agent.look import probe_s, state_of
from zephyr_deploy.agent.shell import run
from zephyr_deploy.agent.store import Store
from zephyr_deploy.agent.working import locked, work

if TYPE_CHECKING:
    from zephyr_deploy.agent.report import Report


def status(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """How a deployment is doing: its state, the figures of its engine, the GPUs, and what is being done to it.

    The request: ``name``, ``probe_s`` (how long a generation may take), and for each engine ``figures`` (see
    `metrics.sample`) and ``version_path``.
    """
    layout = Layout(request["name"])
    store, found = Store(layout), {**of_machine(layout), "deployment": None}
    if store.current:
        engine = Engine(layout, store.current, store.about(store.current))
        asked = request.get("engines", {}).get(engine.about.get("engine"), {})
        if engine.port and engine.active:  # before `state_of`, which generates a token of its own
            found["figures"] = metrics.rates(engine.port, asked.get("figures", {}))
            if found["figures"]:  # one that hangs would keep whoever asks waiting once more
                found["version"] = metrics.version(engine.port, asked.get("version_path", ""))
        found["uptime_s"] = units.uptime_s(engine.unit)
        found["deployment"] = state_of(layout.name, probe_s(request))
    return found


def of_machine(layout: Layout) -> dict[str, Any]:
    """What `status` says of any machine of a deployment, whatever runs there."""
    return {
        "gpus": machine.gpus(),
        "held": Gateway(layout).held,
        "work": work(layout),
        "units": _units(layout),
        "expiry": expiry.found(),
    }


def _units(layout: Layout) -> list[dict[str, str]]:
    """Every unit of a deployment, with its state: while a release is replaced there are two engines."""
    return [{"unit": name, "state": units.show(name).get("ActiveState", "unknown")} for name in units.of(layout)]


def releases(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """The history of a deployment, which of its releases are here, and what benchmarks found of them."""
    store = Store(Layout(request["name"]))
    here = sorted(path.name for path in store.layout.releases.glob("*") if store.has(path.name))
    return {
        "current": store.current,
        "trial": bool(store.trial),
        "here": here,
        "history": store.history(),
        "measured": store.figures(),
    }


def measured(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """Note what a benchmark found of ``release``, unless another serves by now; whether it was noted."""
    store = Store(Layout(request["name"]))
    same = store.current == request["release"]
    if same:
        store.note_figures(request["release"], request["who"], request["levels"])
    return {"noted": same}


def gated(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """The report that ``release`` was judged by, as text; empty if there is none."""
    return {"report": Store(Layout(request["name"])).gate(request["release"])}


def keep_gated(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """Keep ``report`` as that of ``release``, which a new one is going to be held against; whether it serves still."""
    store = Store(Layout(request["name"]))
    same = store.current == request["release"]
    if same:
        store.note_gate(request["release"], request["report"])
    return {"noted": same}


def files(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """The files of one release, the current one unless ``release`` says another."""
    store = Store(Layout(request["name"]))
    release = str(request.get("release") or store.current)
    return {"release": release, "files": store.files(release) if release else {}}


def remove(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Take all of a deployment off the node; with ``purge`` its weights and images too, unless others use them."""
    layout = Layout(request["name"])
    if not layout.home.exists() and not units.of(layout):
        return {"removed": [], "left": []}
    store, removed = Store(layout), []
    wait_s = float(request.get("lock_wait_s", 0))
    with locked(store, request["who"], wait_s, verb="remove", report=report), report.to_the_end():
        gateway = Gateway(layout)
        gateway.remove()
        grace_s = float(request.get("grace_s", 30.0))
        for release in units.installed(layout):
            Engine(layout, release, store.about(release)).stop(grace_s)
            units.remove([layout.unit(release)])
            removed.append(f"release {release}")
        gateway.slots.open_all()
        about = store.about(store.current)
        for folder in (layout.run, layout.home):
            if folder.exists():
                shutil.rmtree(folder)
                removed.append(str(folder))
        if request.get("purge"):
            removed += _purge(about)
    _remove_empty(ROOT)
    return {"removed": removed, "left": docker.containers(layout)}


def _purge(about: dict[str, Any]) -> list[str]:
    """Delete weights and images that no other deployment of this node names."""
    others = [Store(Layout(path.parent.name)) for path in ROOT.glob("*/state.json")]
    used = [store.about(path.name) for store in others for path in store.layout.releases.glob("*")]
    removed = []
    repo = about.get("model", {}).get("repo")
    folder = model_folder(DATA, str(repo))
    if repo and folder.is_dir() and all(other.get("model", {}).get("repo") != repo for other in used):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        shutil.rmtree(folder)
        removed.append(f"weights of {repo} ({size / 1e9:.2f} GB)")
    for reference in about.get("images", []):
        if all(reference not in other.get("images", []) for other in used):
            done = run(["docker", "image", "rm", reference], 120.0)
            removed += [f"image {reference}"] if done.ok else []
    return removed


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def authority(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """The certificate of the gateway's own authority, by which others may know it."""
    return {"pem": Gateway(Layout(request["name"])).peers.authority()}


def meet(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """Tell this machine of the others of its deployment; see `zephyr_deploy.agent.peers`."""
    layout = Layout(request["name"])
    with locked(Store(layout), request["who"], float(request.get("lock_wait_s", 0))):
        gateway = Gateway(layout)
        gateway.peers.meet(request, gateway)
    return {}
