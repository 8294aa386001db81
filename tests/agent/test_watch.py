"""A node that watches itself: a stand-in for nvidia-smi in the path, and a small server for the engine."""

from __future__ import annotations

import json
import os
import time

import pytest
from emulators.metrics import MetricsServer

from zephyr_deploy.agent import engine, layout, scrape
from zephyr_deploy.agent.errors import GoneError
from zephyr_deploy.agent.store import Store
from zephyr_deploy.agent.watch import watch
from zephyr_deploy.release.request import watch_request

SMI = """#!/bin/sh
case "$*" in
    *timestamp*)
        echo $$ > "$PIDS"
        while :; do date '+%Y/%m/%d %H:%M:%S.123, 0, 96, 40, 21000, 287.31, 1590, 61'; sleep 0.05; done ;;
    *name*) echo "NVIDIA A10G, 23028, 1, 570.133.20, 8.6" ;;
esac
"""


@pytest.fixture
def node(tmp_path, monkeypatch):
    """A machine with a card, where release r1 of ``zephyr`` serves at a port."""
    monkeypatch.setattr(layout, "ROOT", tmp_path / "opt")
    monkeypatch.setattr(layout, "RUN", tmp_path / "run")
    monkeypatch.setattr(scrape, "EVERY_S", 0.05)
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "nvidia-smi").write_text(SMI)
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("PIDS", str(tmp_path / "pid"))

    def serves(port):
        place = layout.Layout("zephyr")
        store = Store(place)
        store.write_release("r1", {"release.json": json.dumps({"engine": "tgi"})})
        store.set_current("r1")
        place.ports.mkdir(parents=True, exist_ok=True)
        (place.ports / "r1.env").write_text(f"ZEPHYR_PORT={port}\n")
        assert engine.Engine(place, "r1", {}).port == port

    return serves


def lines(heard):
    return [json.loads(event["line"]) for event in heard.events() if event["event"] == "line"]


def watched(heard, seconds=0.6):
    watch(watch_request("zephyr", seconds), heard.report)
    return lines(heard)


def ended(pid):
    """Whether that process is gone, or is about to be."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_engine_and_cards_are_told_every_time(node, heard, tmp_path):
    with MetricsServer("tgi") as server:
        node(int(server.url.rpartition(":")[2]))
        first, *rest = watched(heard)
    assert first["version"] == "3.3.6-dev0"
    assert first["gpus"][0]["name"] == "NVIDIA A10G"
    texts = [line["reading"]["text"] for line in rest]
    assert len(texts) >= 2
    assert "tgi_queue_size 3" in texts[0]
    assert "tgi_batch_inference_count" not in texts[0]
    rows = [row for line in rest for row in line["rows"]]
    assert {row for _, row in rows} == {"0, 96, 40, 21000, 287.31, 1590, 61"}
    assert all(abs(at_ns - line["now_ns"]) < 3e9 for line in rest for at_ns, _ in line["rows"])
    assert ended(int((tmp_path / "pid").read_text()))


def test_without_an_engine_the_cards_are_told(node, heard):
    first, *rest = watched(heard)
    assert first["version"] == ""
    assert {line["reading"] for line in rest} == {None}
    assert any(line["rows"] for line in rest)


def test_without_a_card_the_engine_is_told(node, heard, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with MetricsServer("tgi") as server:
        node(int(server.url.rpartition(":")[2]))
        first, *rest = watched(heard)
    assert first["gpus"] == []
    assert all(line["rows"] == [] for line in rest)
    assert "text" in rest[0]["reading"]


def test_an_engine_without_metrics_is_asked_once(node, heard):
    with MetricsServer(fault=404) as server:
        node(int(server.url.rpartition(":")[2]))
        _, *rest = watched(heard)
    assert rest[0]["reading"]["final"]
    assert {line["reading"] is None for line in rest[1:]} == {True}
    assert server.asked.count("/metrics") == 1


def test_it_ends_when_nobody_listens(node, heard, tmp_path):
    heard.hang_up()
    with pytest.raises(GoneError):
        watch(watch_request("zephyr", 60), heard.report)
    pid = (tmp_path / "pid").read_text() if (tmp_path / "pid").exists() else ""
    assert not pid or ended(int(pid))  # else it was ended before it had begun
