"""Watches this node while somebody measures it: the engine's metrics and the GPUs, second after second."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import machine, metrics, scrape, watch_gpus
from zephyr_deploy.agent.engine import Engine
from zephyr_deploy.agent.layout import Layout
from zephyr_deploy.agent.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection

    from zephyr_deploy.agent.report import Report


def watch(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Send a ``line`` each second, until nobody listens or ``seconds`` are over; all times are of the monotonic clock.

    The request: ``name``; ``names`` (of metrics); ``engines``, for each of which ``version_path``. The first line says
    ``gpus`` and ``version``; each of the others ``now_ns``, ``reading`` (see `scrape.reading`; only where an engine
    runs) and the new ``rows`` of nvidia-smi, each with its time, with what else it said as ``words``.
    """
    layout = Layout(request["name"])
    engine = _engine(layout)
    rows, end = watch_gpus.Rows(), time.monotonic() + float(request["seconds"])
    source = _source(engine, request["names"]) if engine else None
    useful = source is not None
    try:
        asked = request["engines"].get(engine.about.get("engine"), {}) if engine else {}
        version = metrics.version(engine.port, asked.get("version_path", "")) if engine else ""
        _say(report, gpus=machine.gpus(), version=version)
        while time.monotonic() < end:
            began = time.monotonic()
            report.check()
            reading = scrape.reading(source, buckets=True) if source and useful else None
            useful = useful and not (reading or {}).get("final")  # the others are of GPUs alone
            _say(report, reading=reading, rows=rows.take(), words=rows.words)
            time.sleep(max(0.0, scrape.EVERY_S - (time.monotonic() - began)))
    finally:
        rows.end()
        if source:
            source.close()
    return {}


def _engine(layout: Layout) -> Engine | None:
    """What serves here now; None: nothing does."""
    store = Store(layout)
    engine = Engine(layout, store.current, store.about(store.current)) if store.current else None
    return engine if engine is not None and engine.port else None


def _source(engine: Engine, names: Collection[str]) -> scrape.Source:
    return scrape.Source(scrape.Server(f"http://127.0.0.1:{engine.port}", {}), names)


def _say(report: Report, **facts: Any) -> None:
    report.send("line", line=json.dumps({"now_ns": time.perf_counter_ns(), **facts}))
