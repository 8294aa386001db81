"""Holds of a run on several machines: who comes first, what ends them, and who is told."""

from __future__ import annotations

import json
import threading
from types import SimpleNamespace

import pytest

from zephyr_deploy.deploy import lock_held
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.deploy.hold import held
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.run import Run
from zephyr_deploy.errors import GateError, LockedError, NotDeployedError, UnreachableError
from zephyr_deploy.events import Phases
from zephyr_deploy.node.address import NodeAddress

SOON_S = 10.0
HOLDER = {
    "user": "bob",
    "machine": "GitHub Actions",
    "command": "redeploy",
    "version": "1",
    "run": "r2",
    "held_s": 35.4,
}


class Node:
    """The other end of a hold: one run at a time has it, for as long as it gives signs of life."""

    def __init__(self) -> None:
        self.lock, self.asked, self.gone = threading.Lock(), [], threading.Event()
        self.current, self.let_go = "aaa", UnreachableError("the connection was lost during hold")
        self.answer = {"run": {}, "call": {}}

    def call(self, verb, request, *, on_line=None, deadline_s, signs=None):
        self.asked.append(verb)
        if verb != "hold":
            return self.answer
        waited = self.lock.locked()
        if not self.lock.acquire(timeout=SOON_S if request["lock_wait_s"] else 0.01):
            raise LockedError("it is locked on the node by `up` of bob")
        try:
            on_line(json.dumps({"waited": waited, "current": self.current}))
            signs.every_s = 0.01
            while signs.another():
                if self.gone.is_set():
                    raise self.let_go
        finally:
            self.lock.release()
        return {"ended": "gone"}


@pytest.fixture
def nodes():
    return {"gpu1": Node(), "gpu2": Node()}


@pytest.fixture
def fleet(nodes, monkeypatch, tmp_path):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    made = Fleet("demo", "ssh", [NodeAddress(host=name) for name in ("gpu2", "gpu1")], Phases())
    made.connect = lambda **_options: None
    for member in made.members:
        member.call = nodes[member.address.host].call
        member.found = SimpleNamespace(front=None, service=SimpleNamespace(release="aaa"))
    return made


@pytest.fixture
def run(fleet):
    return Run("demo", "redeploy", Phases(), Journal("demo"))


def locked(nodes):
    """Which machines are held."""
    return sorted(name for name, node in nodes.items() if node.lock.locked())


def test_every_machine_is_held_while_the_body_runs_and_no_longer(fleet, run, nodes):
    with held(fleet, run, 0) as hold:
        assert locked(nodes) == ["gpu1", "gpu2"]
        hold.check()
        assert not hold.stale
    assert locked(nodes) == []


def test_an_error_of_the_body_lets_go(fleet, run, nodes):
    with pytest.raises(KeyboardInterrupt), held(fleet, run, 0):
        raise KeyboardInterrupt
    assert locked(nodes) == []


def test_where_another_has_the_first_none_is_taken(fleet, run, nodes):
    """The first by their addresses decides: two runs never have half of the machines each."""
    with nodes["gpu1"].lock, pytest.raises(LockedError, match="gpu1: it is locked on the node"), held(fleet, run, 0):
        pass
    assert (nodes["gpu2"].asked, locked(nodes)) == ([], [])


def test_where_another_has_one_of_the_rest_all_are_let_go(fleet, run, nodes):
    with nodes["gpu2"].lock, pytest.raises(LockedError, match="gpu2"), held(fleet, run, 0):
        pass
    assert locked(nodes) == []


def test_who_had_to_wait_looks_anew(fleet, run, nodes):
    nodes["gpu1"].lock.acquire()
    threading.Timer(0.3, nodes["gpu1"].lock.release).start()
    with held(fleet, run, 30) as hold:
        assert hold.stale


def test_so_does_who_finds_another_release_than_the_one_that_was_seen(fleet, run, nodes):
    nodes["gpu2"].current = "bbb"
    with held(fleet, run, 0) as hold:
        assert hold.stale


def test_a_hold_that_is_lost_ends_the_run_before_its_next_step(fleet, run, nodes):
    with held(fleet, run, 0) as hold:
        nodes["gpu1"].gone.set()
        hold._holds[0]._thread.join(SOON_S)
        with pytest.raises(UnreachableError, match="was lost"):
            hold.check()


def test_that_it_was_let_go_is_why_a_call_failed_that_was_ended_with_it(fleet, run, nodes):
    nodes["gpu2"].let_go = LockedError("the lock of demo was let go by force, by bob on GitHub Actions")
    nodes["gpu2"].gone.set()
    with pytest.raises(LockedError, match="by force"), held(fleet, run, 0):
        raise UnreachableError("gpu2 ended the call without an answer")


def test_a_verdict_stands_whatever_became_of_the_hold(fleet, run, nodes):
    nodes["gpu2"].let_go = LockedError("gpu2 heard nothing for too long, and let the lock of this run go")
    nodes["gpu2"].gone.set()
    with pytest.raises(GateError, match="did not pass"), held(fleet, run, 0):
        raise GateError("Release bbb did not pass its gate. Release aaa serves again.")


def test_a_call_that_failed_by_itself_failed_for_that(fleet, run):
    with pytest.raises(UnreachableError, match="no memory"), held(fleet, run, 0):
        raise UnreachableError("no memory")


@pytest.fixture
def known(fleet, monkeypatch):
    """The deployment is on these machines."""
    monkeypatch.setattr(lock_held, "known", lambda _name: "a record")
    monkeypatch.setattr(lock_held.Fleet, "of", lambda _record, phases: fleet)


@pytest.mark.usefixtures("known")
def test_it_is_shown_who_holds_it(nodes):
    nodes["gpu1"].answer = {"run": HOLDER, "call": {**HOLDER, "job": "https://ci/7"}}
    first, second = lock_held.show("demo").holders
    assert (first.host, first.of, first.user, second.of) == ("gpu1", "run", "bob", "call")
    assert str(second) == "`redeploy` of bob on GitHub Actions (for 35 s, https://ci/7)"


@pytest.mark.usefixtures("known")
def test_nothing_is_let_go_without_force(nodes):
    assert lock_held.release("demo", force=False).holders == ()
    nodes["gpu2"].answer = {"run": HOLDER, "call": {}}
    with pytest.raises(LockedError, match="demo is held on gpu2 by `redeploy` of bob on GitHub Actions") as caught:
        lock_held.release("demo", force=False)
    assert "--force" in caught.value.hint
    assert "let_go" not in nodes["gpu2"].asked


@pytest.mark.usefixtures("known")
def test_what_is_let_go_by_force_stands_in_the_audit_log(nodes):
    nodes["gpu2"].answer = {"run": HOLDER, "call": {}}
    found = lock_held.release("demo", force=True)
    assert found.released
    assert [holder.host for holder in found.holders] == ["gpu2"]
    assert nodes["gpu1"].asked == ["let_go"]
    (entry,) = lock_held.audit.noted("demo")
    assert (entry.command, entry.result) == ("lock release", "changed")


@pytest.mark.usefixtures("known")
def test_where_nobody_holds_it_nothing_is_noted():
    assert not lock_held.release("demo", force=True).released
    assert lock_held.audit.noted("demo") == []


def test_what_is_on_no_machine_has_no_such_lock(monkeypatch):
    monkeypatch.setattr(lock_held, "known", lambda _name: None)
    with pytest.raises(NotDeployedError) as raised:
        lock_held.show("demo")
    assert "zephyr-deploy ls" in raised.value.hint
