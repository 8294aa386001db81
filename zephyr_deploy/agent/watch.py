"""Watches this node while somebody measures it: the engine's metrics and the GPUs, second after second."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import machine, metrics, scrape, watch_gpus
from zephyr_deploy.agent.engine import Engine
from zephyr_deploy.agent.layout import Layout
from zephyr_deploy.agent.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection

    from zephyr_deploy.agent.report import Report


class Rows:
    """What nvidia-smi prints, collected as it comes; empty where there is none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._new: list[tuple[int, str]] = []
        reader, writer = os.pipe()
        self._process = watch_gpus.start(writer)
        os.close(writer)
        threading.Thread(target=self._read, args=(reader,), name="nvidia-smi", daemon=True).start()

    def _read(self, reader: int) -> None:
        with os.fdopen(reader, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                found = watch_gpus.timed(line)
                if found is not None:
                    with self._lock:
                        self._new.append(found)

    def take(self) -> list[tuple[int, str]]:
        """Those that have come since it was asked last."""
        with self._lock:
            new, self._new = self._new, []
        return new

    def end(self) -> None:
        """No more."""
        if self._process is not None:
            watch_gpus.end(self._process)


def watch(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Send a ``line`` each second, until nobody listens or ``seconds`` are over; all times are of the monotonic clock.

    The request: ``name``; ``names`` (of metrics); ``engines``, for each of which ``version_path``. The first line says
    ``gpus`` and ``version``; each of the others ``now_ns``, ``reading`` (see `scrape.reading`; only where an engine
    runs) and ``rows`` of nvidia-smi, each with its time.
    """
    layout = Layout(request["name"])
    engine = _engine(layout)
    rows, end = Rows(), time.monotonic() + float(request["seconds"])
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
            _say(report, reading=reading, rows=rows.take())
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
