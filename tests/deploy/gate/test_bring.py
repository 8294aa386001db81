"""From what the machines serve to what is wanted, with a gate in between: who is on trial, and who judges."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest
from deploy.gate.nodes import NAME, NEW, OLD, Machines

from zephyr_deploy.deploy import bring as module
from zephyr_deploy.deploy.bring import Bring, Wanted
from zephyr_deploy.deploy.gate import keeper as measuring
from zephyr_deploy.deploy.gate.verdict import RefusedError, Verdict
from zephyr_deploy.deploy.gate.wish import gating
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.redeploy import _rollback_request
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.deploy.run import Run
from zephyr_deploy.errors import EngineFailedError, NotDeployedError, UnhealthyError
from zephyr_deploy.events import Notice
from zephyr_deploy.providers.nodes.key import settled_key
from zephyr_deploy.release.release import Release
from zephyr_deploy.spec.deployment import Deployment, Gate
from zephyr_deploy.spec.secret import Secret

DEPLOYMENT = Deployment(name=NAME, provider="ssh", machine={"host": "gpu0"}, gate=Gate(fail_if=["errors>0"]))
GATE = gating(DEPLOYMENT)
NEWER = "c" * 12


@pytest.fixture
def bring(nodes, monkeypatch):
    """One run over all machines, whose gate says what is told; the run, and what was warned of."""

    @contextmanager
    def held(*_, **_named):
        yield SimpleNamespace(stale=bring.meanwhile(), check=lambda: None)

    def verdict(self, release):
        if bring.interrupted:
            raise KeyboardInterrupt
        failures = ("errors with 1 at once is 3",) if release in bring.bad else ()
        return Verdict(release=release, before=self.before, passed=not failures, failures=failures)

    monkeypatch.setattr(module, "held", held)
    monkeypatch.setattr(module, "require_ready", lambda _fleet: None)
    monkeypatch.setattr(module, "require_places", lambda _fleet: None)
    monkeypatch.setattr(measuring.Gatekeeper, "verdict", verdict)
    monkeypatch.setattr(Bring, "_note", lambda _self: None)
    monkeypatch.setattr(Bring, "_key", lambda _self: None)
    monkeypatch.setattr(Bring, "_lacks", lambda self, wanted: bool(self._waiting(wanted)) or self.trials.pending)
    monkeypatch.setattr(Bring, "_join", lambda _self, _wanted: False)
    monkeypatch.setattr(Bring, "_firewall", lambda _self, _plan: nullcontext())
    monkeypatch.setattr(Bring, "_result", lambda _self, _wanted, **told: SimpleNamespace(**{"verdict": None, **told}))

    def run(release, *, gate=GATE, begins=False, keyed=True):
        key = Secret("secret") if keyed else None
        files = {"release.json": '{"engine": "tgi"}'}
        wanted = Wanted(SimpleNamespace(), SimpleNamespace(), Release(id=release, files=files), key)
        monkeypatch.setattr(Bring, "_wanted", lambda _self: wanted)
        fleet = Machines(*nodes)
        made = Run(NAME, "up" if begins else "redeploy", fleet.phases, Journal(NAME))
        bring.run, bring.events = made, fleet.events
        options = RolloutOptions(prepare=False)
        return Bring(fleet, DEPLOYMENT, options, made, begins=begins).bring(gate)

    told = {"bad": set(), "interrupted": False, "run": None, "events": (), "go": staticmethod(run)}
    bring = type("Runs", (), {**told, "meanwhile": lambda: False})
    return bring


def served(nodes):
    return {(node.store.current, bool(node.store.trial)) for node in nodes}


def events(node):
    return [(entry["release"], entry["event"]) for entry in node.store.history()]


def warned(bring):
    return [event.message for event in bring.events if isinstance(event, Notice)]


def test_what_passes_is_kept(bring, nodes):
    result = bring.go(NEW)
    assert (result.verdict.passed, result.verdict.before, bring.run.result) == (True, OLD, "changed")
    assert served(nodes) == {(NEW, False)}
    assert events(nodes[0])[-2:] == [(NEW, "active"), (NEW, "passed")]


def test_what_does_not_is_taken_back(bring, nodes):
    bring.bad = {NEW}
    with pytest.raises(RefusedError, match=f"errors with 1 at once is 3. Release {OLD} serves again"):
        bring.go(NEW)
    assert (served(nodes), bring.run.result) == ({(OLD, False)}, "rolled_back")
    assert events(nodes[1])[-3:] == [(NEW, "active"), (NEW, "refused"), (OLD, "active")]


def test_what_is_gone_back_to_gets_the_key_that_a_release_without_one_has_had_deleted(bring, nodes):
    requests, call = [], nodes[0].call
    nodes[0].call = lambda verb, request, **how: requests.append((verb, request)) or call(verb, request, **how)
    bring.bad = {NEW}
    with pytest.raises(RefusedError):
        bring.go(NEW, keyed=False)
    assert [(verb, request["api_key"]) for verb, request in requests] == [("apply", ""), ("judge", "secret")]


def test_and_so_it_is_with_a_rollback(nodes, run):
    """The key is the one that is noted."""
    settled_key(NAME, Secret("noted"))
    fleet = Machines(*nodes)
    for member in fleet.members:
        keyless = member.found.service.model_copy(update={"api_key": None})
        member.found = member.found.model_copy(update={"service": keyless})
    assert _rollback_request(fleet, run, None, 0)["api_key"] == "noted"


def test_from_a_trial_on_some_machines_all_go_back_to_the_same_release(nodes, run):
    """A run was cut off between two machines: one serves still what the other is to go back to."""
    nodes[1].serve(NEW, OLD)
    assert _rollback_request(Machines(*nodes), run, None, 0)["release"] == OLD
    assert _rollback_request(Machines(*nodes), run, NEWER, 0)["release"] == NEWER


def test_a_run_that_is_cut_off_before_its_verdict_is_completed_by_the_next(bring, nodes):
    bring.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        bring.go(NEW)
    assert served(nodes) == {(NEW, True)}
    assert "the next `zephyr-deploy redeploy` does that" in warned(bring)[-1]
    bring.interrupted, bring.bad = False, {NEW}
    with pytest.raises(RefusedError):
        bring.go(NEW)
    assert served(nodes) == {(OLD, False)}


def test_what_was_taken_away_while_it_waited_is_not_brought_again(bring, nodes):
    def down():
        for node in nodes:
            node.store.set_current("")
        return True

    bring.meanwhile = down
    with pytest.raises(NotDeployedError):
        bring.go(NEW)
    assert served(nodes) == {("", False)}


@pytest.mark.parametrize("bad", [set(), {NEWER}])
def test_another_wish_meanwhile_is_held_against_the_last_good_release(bring, nodes, bad):
    for node in nodes:
        node.serve(NEW, OLD)
    bring.bad = bad
    with pytest.raises(RefusedError) if bad else nullcontext():
        bring.go(NEWER)
    assert served(nodes) == {(OLD if bad else NEWER, False)}
    assert bring.run.before == OLD


def test_the_way_back_itself_is_not_on_trial(bring, nodes):
    """The push was reverted while it was on trial."""
    for node in nodes:
        node.serve(NEW, OLD)
    bring.bad = {OLD}
    assert bring.go(OLD).verdict is None
    assert served(nodes) == {(OLD, False)}


def test_without_a_gate_what_is_on_trial_is_taken_as_it_is(bring, nodes):
    for node in nodes:
        node.serve(NEW, OLD)
    bring.bad = {NEW}
    assert bring.go(NEW, gate=None).verdict.passed
    assert served(nodes) == {(NEW, False)}


def test_up_judges_nothing_and_says_so(bring, nodes):
    for node in nodes:
        node.serve(NEW, OLD)
    assert not bring.go(NEW, gate=None, begins=True).changed
    assert served(nodes) == {(NEW, True)}
    assert "`zephyr-deploy redeploy` judges it" in warned(bring)[-1]


def test_where_one_machine_fails_the_others_do_not_keep_it(bring, nodes):
    nodes[1].fails = True
    with pytest.raises(EngineFailedError, match=f"(?s)it does not start.*Release {OLD} serves again") as caught:
        bring.go(NEW)
    assert "1 of 2 machines ended well" in caught.value.message
    assert served(nodes) == {(OLD, False)}


def test_what_cannot_be_put_behind_the_gateway_is_not_kept(bring, nodes, monkeypatch):
    def fail(*_args):
        raise UnhealthyError("the gateway does not start")

    monkeypatch.setattr(Bring, "_join", fail)
    with pytest.raises(UnhealthyError, match=f"the gateway does not start; .*Release {OLD} serves again"):
        bring.go(NEW)
    assert (served(nodes), bring.run.result) == ({(OLD, False)}, "rolled_back")
    with pytest.raises(UnhealthyError, match=r"the gateway does not start$"):
        bring.go(NEW, gate=None)
    assert served(nodes) == {(NEW, False)}


def test_what_serves_already_and_was_judged_is_left_alone(bring, nodes):
    bring.bad = {OLD}
    assert bring.go(OLD).verdict is None
    assert (bring.run.result, nodes[0].asked) == ("unchanged", [])
