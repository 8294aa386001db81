"""What a gate makes of a release that serves: which figures it takes, and what it says where there are none."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from bench.simulated import closed
from bench.simulated import report as reported
from deploy.gate.nodes import NEW, OLD, Machines

from zephyr_deploy.deploy.gate import keeper as module
from zephyr_deploy.deploy.gate.keeper import Gatekeeper
from zephyr_deploy.deploy.gate.wish import gating
from zephyr_deploy.errors import UnreachableError
from zephyr_deploy.spec.deployment import Deployment, Gate

LOAD = {"concurrency": [8], "requests": 64, "smoke": False}
TTFT_MS = {OLD: 50.0, NEW: 50.0}


@pytest.fixture
def server(monkeypatch):
    """Takes as long as is told until the first token, by release; what was measured is noted."""
    server = type("Server", (), {"ttft_ms": dict(TTFT_MS), "measured": [], "error": None, "partial": ""})

    @contextmanager
    def reached(fleet):
        yield fleet.services[0].endpoint()

    def measured(endpoint, gate, _phases, _what):
        server.measured.append(endpoint.release)
        if server.error is not None:
            raise server.error
        level = closed(len(server.measured), 8, 64, ttft_ms=server.ttft_ms[endpoint.release])
        whole = reported(level, release=endpoint.release)
        return whole.model_copy(update={"spec": gate.spec, "partial": server.partial})

    monkeypatch.setattr(module, "reached", reached)
    monkeypatch.setattr(module, "measured", measured)
    return server


def keeper(fleet, **section):
    return Gatekeeper(fleet, gating(Deployment(gate=Gate(**{**LOAD, **section}))))


def judged(nodes, **section):
    """From the old release to a verdict on the new one."""
    found = keeper(Machines(*nodes), **section)
    found.before_switch()
    for node in nodes:
        node.serve(NEW, OLD)
    found.fleet.look()
    return found.verdict(NEW)


def test_by_limits_alone_nothing_is_measured_before(nodes, server):
    verdict = judged(nodes, fail_if=["ttft_p50>100ms"])
    assert (verdict.passed, verdict.before, verdict.cause) == (True, OLD, "")
    assert server.measured == [NEW]
    assert verdict.report.levels[0].log == ()
    assert verdict.comparison is None


def test_what_is_slower_than_what_served_does_not_pass(nodes, server):
    server.ttft_ms[NEW] = 80.0
    verdict = judged(nodes, fail_if=["ttft_p50>+20%", "errors>0"])
    assert not verdict.passed
    assert verdict.cause.startswith("ttft_p50 with 8 at once changed by +")
    assert server.measured == [OLD, NEW]
    assert verdict.comparison.levels[0].of("ttft_p50").outcome == "worse"
    assert json.loads(verdict.model_dump_json())["comparison"]["b"]["name"] == NEW


def test_and_what_is_not_passes(nodes, server):
    assert judged(nodes, fail_if=["ttft_p50>+20%"]).passed


def test_figures_that_are_kept_are_not_measured_again(nodes, server):
    judged(nodes, fail_if=["ttft_p50>+20%"])
    for node in nodes:
        node.serve(OLD)
    server.measured.clear()
    assert judged(nodes, fail_if=["ttft_p50>+20%"]).passed
    assert server.measured == [NEW]


@pytest.mark.parametrize("what", ["another spec", "another machine", "what cannot be read"])
def test_figures_of_another_kind_are(nodes, server, monkeypatch, what):
    judged(nodes, fail_if=["ttft_p50>+20%"])
    for node in nodes:
        node.serve(OLD)
        if what == "what cannot be read":
            node.store.note_gate(OLD, '{"machine": "x", "repo')
    if what == "another machine":
        monkeypatch.setattr("socket.gethostname", lambda: "runner-2")
    server.measured.clear()
    judged(nodes, fail_if=["ttft_p50>+20%"], **({"max_new_tokens": 8} if what == "another spec" else {}))
    assert server.measured == [OLD, NEW]


def test_a_run_that_was_cut_off_left_the_figures_that_the_next_one_needs(nodes, server, monkeypatch):
    """The old release serves no more: what was measured of it then has to do, wherever that was."""
    judged(nodes, fail_if=["ttft_p50>+20%"])
    monkeypatch.setattr("socket.gethostname", lambda: "runner-2")
    server.measured.clear()
    server.ttft_ms[NEW] = 80.0
    found = keeper(Machines(*nodes), fail_if=["ttft_p50>+20%"])
    found.before_switch()
    verdict = found.verdict(NEW)
    assert (server.measured, verdict.passed, verdict.before) == ([NEW], False, OLD)
    assert any("another machine" in doubt for doubt in verdict.doubts)


def test_without_any_figures_to_hold_it_against_it_does_not_pass(tried, server):
    found = keeper(tried, fail_if=["ttft_p50>+20%"])
    found.before_switch()
    assert f"there are no figures of {OLD}" in found.verdict(NEW).cause


def test_what_did_not_answer_before_is_no_measure_for_what_does(nodes, server):
    """Else a release that repairs a deployment could never pass."""
    for node in nodes:
        node.state = "failed"
    verdict = judged(nodes, fail_if=["ttft_p50>+20%", "errors>0"])
    assert (verdict.passed, server.measured, verdict.comparison) == (True, [NEW], None)
    assert any("is failed: no change was judged" in doubt for doubt in verdict.doubts)


def test_figures_that_are_kept_are_good_for_what_is_just_starting(nodes, server):
    """Its machine was restarted, say."""
    judged(nodes, fail_if=["ttft_p50>+20%"])
    for node in nodes:
        node.serve(OLD)
        node.state = "starting"
    server.measured.clear()
    server.ttft_ms[NEW] = 80.0
    verdict = judged(nodes, fail_if=["ttft_p50>+20%"])
    assert (verdict.passed, server.measured) == (False, [NEW])


def test_what_cannot_be_measured_does_not_pass(tried, server):
    server.error = UnreachableError("nothing answers")
    verdict = keeper(tried, fail_if=["errors>0"]).verdict(NEW)
    assert (verdict.passed, verdict.cause) == (False, "It could not be measured: nothing answers")


def test_nor_what_was_not_measured_to_the_end(tried, server):
    server.partial = "The server answers no more."
    assert "not measured to the end: The server answers" in keeper(tried, fail_if=["errors>0"]).verdict(NEW).cause


def test_a_route_that_does_not_answer_is_reason_enough(tried, server, monkeypatch):
    """Nobody listens at that port."""

    @contextmanager
    def reached(fleet):
        yield fleet.services[0].endpoint().model_copy(update={"url": "http://127.0.0.1:9"})

    monkeypatch.setattr(module, "reached", reached)
    verdict = keeper(tried, fail_if=["errors>0"], smoke=True).verdict(NEW)
    assert not verdict.passed
    assert server.measured == []
    assert "failed:" in verdict.failures[0]
