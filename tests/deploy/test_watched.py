"""What a node says of itself, brought to this machine's clock; the node is a thread here."""

from __future__ import annotations

import json
import os
import threading
import time
from types import SimpleNamespace

import pytest
from emulators.memory import offer
from emulators.metrics import MetricsServer, text_of

from zephyr_deploy.deploy import node_witness
from zephyr_deploy.deploy import watched as subject
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.endpoint.types import Endpoint
from zephyr_deploy.errors import UnreachableError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.types import Order
from zephyr_deploy.providers.nodes.record import NodesRecord

SECOND = 1_000_000_000
AHEAD_NS = 7_000 * SECOND
"""How far the node's clock is ahead of ours."""
TRIP_NS = 40_000_000


class Node:
    """Says what it is told to say, by a clock of its own; ``close`` ends the call as a lost connection does."""

    def __init__(self):
        self.over = threading.Event()
        self.said = []
        self.transport = SimpleNamespace(sock=None)

    def close(self):
        self.over.set()

    def call(self, _connection, verb, request, *, on_line, deadline_s):
        assert (verb, request["name"]) == ("watch", "zephyr")
        for line in self.said:
            on_line(json.dumps(line))
        self.over.wait(10)
        raise UnreachableError("the connection was lost")


def now():
    """The node's clock half a round trip ago: when it sent what arrives now."""
    return time.perf_counter_ns() + AHEAD_NS - TRIP_NS // 2


@pytest.fixture
def node(monkeypatch):
    found = Node()
    monkeypatch.setattr(node_witness, "call", found.call)
    monkeypatch.setattr(node_witness.NodeWitness, "_trip_ns", lambda _self: TRIP_NS)
    yield found
    found.close()


def seen(node, *said, level=(-1, 1), machine=""):
    """What is seen of a level around now, in seconds."""
    node.said = list(said)
    witness = node_witness.NodeWitness("zephyr", node, machine)
    witness.wait(5, 0)
    end = time.monotonic() + 5
    while len(witness._lines) < len(said) and time.monotonic() < end:
        time.sleep(0.01)
    at = time.perf_counter_ns()
    return witness, witness.seen(at + level[0] * SECOND, at + level[1] * SECOND)


def reading(offset_s=0.0, **other):
    return {"at_ns": now() + round(offset_s * SECOND), **(other or {"text": text_of("tgi", 8)})}


def test_its_clock_is_brought_to_ours(node):
    before = time.perf_counter_ns()
    row = [now(), "0, 96, 40, 21000, 287.31, 1590, 61"]
    _, found = seen(node, {"now_ns": now(), "gpus": []}, {"now_ns": now(), "reading": reading(), "rows": [row]})
    assert abs(found.readings[0].at_ns - before) < SECOND
    assert abs(found.gpus[0].at_ns - before) < SECOND
    assert found.gpus[0].power_w == 287.31
    assert found.beyond_ms == 40
    assert found.notes == ()


def test_the_soonest_line_says_how_the_clocks_relate(node):
    late = {"now_ns": now() - 3 * SECOND, "reading": reading()}  # was under way for three seconds
    before = time.perf_counter_ns()
    _, found = seen(node, {"now_ns": now(), "gpus": []}, late)
    assert abs(found.readings[0].at_ns - before) < SECOND


def test_it_tells_what_it_is(node):
    gpus = [{"name": "NVIDIA A10G", "driver": "570.133.20"}] * 2
    witness, _ = seen(node, {"now_ns": now(), "gpus": gpus, "version": "3.3.6-dev0"})
    about = witness.about()
    assert (about.engine_version, about.gpus, about.driver) == ("3.3.6-dev0", ("NVIDIA A10G",) * 2, "570.133.20")


def test_what_cannot_be_read_is_noted_with_the_machine(node):
    broken = {"now_ns": now(), "reading": reading(failure="it answers /metrics with 404", final=True)}
    _, found = seen(node, {"now_ns": now(), "gpus": []}, broken, machine="gpu1")
    assert found.notes == ("Of gpu1: its metrics could not be read: it answers /metrics with 404.",)
    assert found.machine == "gpu1"


def test_cards_of_which_nothing_is_told_are_noted(node):
    said = {"now_ns": now(), "reading": reading(), "rows": [], "words": "No devices were found"}
    _, found = seen(node, {"now_ns": now(), "gpus": [{"name": "NVIDIA A10G", "driver": "570"}]}, said)
    assert found.notes == ("Of the machine: nvidia-smi told no figures of GPUs, but: No devices were found.",)


def test_a_node_that_says_nothing_is_noted(node):
    _, found = seen(node)
    assert found.notes == ("Of the machine: it said nothing within the level.",)


def test_a_lost_connection_is_noted(node):
    witness, _ = seen(node, {"now_ns": now(), "gpus": []})
    node.close()
    witness._thread.join(5)
    witness.mark()  # does not wait for who is gone
    assert "not watched any more: the connection was lost" in witness.seen(0, 1).notes[0]


def test_a_mark_waits_for_the_next_line(node):
    witness, _ = seen(node, {"now_ns": now(), "gpus": []})
    threading.Timer(0.1, witness._hear, [json.dumps({"now_ns": now()})]).start()
    began = time.monotonic()
    witness.mark()
    assert 0.05 < time.monotonic() - began < node_witness.MARK_S
    assert len(witness._lines) == 2


def endpoint(url, release=None):
    return Endpoint(name="zephyr", url=url, engine="tgi", model_id="m", release=release)


def test_a_server_here_is_read_from_here():
    with MetricsServer() as server, subject.watched(endpoint(server.url)) as watch:
        for witness in watch.witnesses:
            witness.mark()
        environment = watch.environment()
    assert environment.route == "loopback"
    assert environment.server.engine_version == "3.3.6-dev0"
    assert environment.client.cores > 0


def test_a_server_elsewhere_is_read_without_the_cards_of_this_machine():
    with subject.watched(endpoint("http://192.0.2.1:9")) as watch:
        assert watch.environment().route == "direct"
        assert len(watch.witnesses) == 1


def test_a_server_here_has_this_machine_s_cards_watched(monkeypatch, tmp_path):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho NVIDIA L4, 23034, 1, 570.1, 8.9\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with MetricsServer() as server, subject.watched(endpoint(server.url)) as watch:
        assert watch.environment().server.gpus == ("NVIDIA L4",)


def test_a_process_that_cannot_be_started_is_a_note(monkeypatch):
    def full(_endpoint):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subject, "MetricsProcess", full)
    with subject.watched(endpoint("http://127.0.0.1:9")) as watch:
        assert "Resource temporarily unavailable" in watch.notes[0]
        assert watch.witnesses == []


def test_the_region_is_that_of_the_last_order(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    region = offer("small", 0.5).region
    stamp = Stamp(deployment="zephyr", run="0" * 8, expires=None)
    order = Order(
        stamp=stamp,
        offer=offer("small", 0.5),
        token="t",
        public_key="ssh-ed25519 AAAA",
        allowed="0.0.0.0/0",
        disk_gb=100,
    )
    record = NodesRecord(name="zephyr", provider="aws", nodes=(NodeAddress.parse("me@192.0.2.1"),))
    assert subject._region(record) is None
    Journal("zephyr").intend("create", order=order.model_dump_json())
    assert subject._region(record) == region
    assert subject._region(record.model_copy(update={"provider": "ssh"})) is None
    Journal("zephyr").intend("create", order="{}")
    assert subject._region(record) is None


def test_nobody_is_asked_where_nobody_wants_it():
    with subject.watched(endpoint("http://127.0.0.1:9"), metrics=False) as watch:
        assert watch.witnesses == []
        assert watch.environment().server.machines == 1


def test_a_machine_that_is_not_reached_is_a_note(monkeypatch):
    record = NodesRecord(name="zephyr", provider="ssh", nodes=(NodeAddress.parse("me@192.0.2.1"),))
    monkeypatch.setattr("zephyr_deploy.providers.nodes.record.record_of", lambda _name: record)

    def unreachable(_fleet, **_options):
        raise UnreachableError("192.0.2.1 does not answer")

    monkeypatch.setattr(node_witness.Fleet, "connect", unreachable)
    with subject.watched(endpoint("http://127.0.0.1:9", release="r1")) as watch:
        assert watch.notes == ["The machine is not watched: 192.0.2.1 does not answer"]
        assert watch.environment().route == "tunnel"
