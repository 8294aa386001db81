"""The hold of a run: whom it keeps out, and all that ends it."""

import json
import multiprocessing
import os
import signal
import time

import pytest

from zephyr_deploy.agent import hold as module
from zephyr_deploy.agent import layout as places
from zephyr_deploy.agent.errors import GoneError, NodeError
from zephyr_deploy.agent.layout import Layout
from zephyr_deploy.agent.lock import Lock
from zephyr_deploy.agent.report import Report
from zephyr_deploy.agent.store import Store

ME = {"user": "ann", "machine": "laptop", "command": "redeploy", "origin": "a1", "run": "r1"}
OTHER = {
    "user": "bob",
    "machine": "GitHub Actions",
    "command": "up",
    "origin": "b2",
    "run": "r2",
    "job": "https://ci/7",
}
SOON_S = 10.0


class Caller:
    """A run on the other end of a hold: its signs of life, and what it hears."""

    def __init__(self, who, context, others, **request):
        self.others = [other.signs for other in others if other.signs]
        self.stdin, self.signs = os.pipe()
        self.heard, self.stdout = os.pipe()
        request = {"name": "demo", "who": who, **request}
        self.process = context.Process(target=held_in, args=(self, request))
        self.process.start()
        os.close(self.stdin)
        os.close(self.stdout)
        self._lines = os.fdopen(self.heard)

    def hear(self):
        """What is said next, of all that is no heartbeat."""
        return json.loads(self._lines.readline())

    def word(self):
        """What the line says that tells that it is held."""
        while (event := self.hear())["event"] != "line":
            pass
        return json.loads(event["line"])

    def ended(self):
        """Its result or error, once it has ended."""
        self.process.join(SOON_S)
        assert self.process.exitcode is not None
        return json.loads(self._lines.read().splitlines()[-1])

    def close(self):
        """Leave nothing."""
        self.process.kill()
        self.process.join()
        self._lines.close()
        if self.signs:
            os.close(self.signs)

    def hang_up(self):
        """Give the end of the stream, as a process does that was killed."""
        os.close(self.signs)
        self.signs = None


def held_in(caller, request):
    """The node's side of it, in a process of its own."""
    for descriptor in (caller.signs, *caller.others):
        os.close(descriptor)
    os.dup2(caller.stdin, 0)
    report = Report(caller.stdout)
    signal.signal(signal.SIGTERM, lambda *_: report.leave())
    try:
        report.send("result", **module.hold(request, report))
    except NodeError as error:
        report.send("error", kind=error.kind, message=error.message)
    except GoneError:
        os._exit(3)
    os._exit(0)


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """Starts callers; the node's locks are in a folder of this test."""
    monkeypatch.setattr(places, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(places, "ROOT", tmp_path / "opt")
    context, callers = multiprocessing.get_context("fork"), []

    def start(who, **request):
        callers.append(Caller(who, context, callers, **request))
        return callers[-1]

    yield start
    for caller in callers:
        caller.close()


def holder():
    """Who holds it now."""
    return module.held({"name": "demo"}, None)["run"]


def test_it_is_held_until_its_caller_hangs_up(calls, tmp_path):
    caller = calls(ME)
    assert caller.word() == {"waited": False, "current": ""}
    assert (holder()["user"], holder()["run"]) == ("ann", "r1")
    assert 0 <= holder()["held_s"] < SOON_S
    caller.hang_up()
    assert caller.ended() == {"event": "result", "ended": "gone"}
    assert holder() == {}
    assert not list((tmp_path / "runs").iterdir())


def test_a_caller_that_is_silent_has_gone(calls):
    """Its machine has vanished: no end of a stream ever comes from there."""
    caller = calls(ME, silence_s=1.5)
    for _ in range(4):
        os.write(caller.signs, b"\n")
        time.sleep(0.5)
    assert holder()["run"] == "r1", "signs of life keep it"
    assert caller.ended()["ended"] == "silent"
    assert holder() == {}


def test_a_hold_that_is_killed_locks_nobody_out(calls):
    first = calls(ME)
    first.word()
    first.process.kill()
    first.process.join()
    assert calls(OTHER).word() == {"waited": False, "current": ""}


def test_another_is_told_who_has_it(calls):
    calls(OTHER).word()
    error = calls(ME).ended()
    assert error["kind"] == "locked"
    assert "`up` of bob on GitHub Actions since" in error["message"]
    assert "https://ci/7" in error["message"]


def test_or_waits_and_is_told_that_it_has(calls):
    first = calls(OTHER)
    first.word()
    second = calls(ME, lock_wait_s=60)
    assert "Waiting for `up` of bob" in second.hear()["message"]
    first.hang_up()
    assert second.word() == {"waited": True, "current": ""}
    assert holder()["run"] == "r1"


def work(ready, end):
    """A call that an earlier run has left at work, and that ends its switch."""
    store = Store(Layout("demo"))
    store.set_current("old")
    with Lock(store.layout.lock, "demo").held(OTHER, 0, wanted="new"):
        ready.set()
        end.wait(SOON_S)
        store.set_current("new")


def test_a_call_that_an_earlier_run_left_at_work_is_waited_for(calls):
    """What serves is settled then: else a run could hold what comes against what is just being replaced."""
    context = multiprocessing.get_context("fork")
    ready, end = context.Event(), context.Event()
    worker = context.Process(target=work, args=(ready, end))
    worker.start()
    assert ready.wait(SOON_S)
    caller = calls(ME, lock_wait_s=SOON_S, wanted="new")
    assert "Waiting for `up` of bob" in caller.hear()["message"]
    assert holder()["run"] == "r1"
    end.set()
    assert caller.word() == {"waited": True, "current": "new"}
    worker.join()


@pytest.mark.parametrize("file", [True, False])
def test_where_none_works_nothing_is_made_for_it(calls, tmp_path, file):
    home = tmp_path / "opt" / "demo"
    if file:
        home.mkdir(parents=True)
        (home / "lock").touch()
    assert not calls(ME).word()["waited"]
    assert home.exists() == file


def test_who_waits_and_leaves_waits_no_more(calls):
    calls(OTHER).word()
    second = calls(ME, lock_wait_s=60)
    second.hear()
    os.kill(second.process.pid, signal.SIGTERM)
    second.process.join(SOON_S)
    assert second.process.exitcode == 3
    assert holder()["run"] == "r2"


def test_a_hold_from_the_same_machine_is_followed(calls):
    first = calls(ME)
    first.word()
    second = calls({**ME, "run": "r3"})
    assert second.word() == {"waited": True, "current": ""}
    assert "a later call from the same machine took over" in first.ended()["message"]
    assert holder()["run"] == "r3"


def test_it_is_let_go_by_force_and_told_by_whom(calls, tmp_path):
    caller = calls(ME)
    caller.word()
    gone = module.let_go({"name": "demo", "who": OTHER}, None)
    assert (gone["run"]["run"], gone["call"]) == ("r1", {})
    assert holder() == {}
    error = caller.ended()
    assert (error["kind"], error["message"]) == (
        "locked",
        "the lock of demo was let go by force, by bob on GitHub Actions",
    )
    assert not list((tmp_path / "runs").iterdir())


def test_one_that_does_not_end_is_killed(calls, monkeypatch):
    caller = calls(ME)
    caller.word()
    os.kill(caller.process.pid, signal.SIGSTOP)
    monkeypatch.setattr(module, "END_S", 0.2)
    assert module.let_go({"name": "demo", "who": OTHER}, None)["run"]["run"] == "r1"
    assert holder() == {}


def test_nobody_is_let_go_where_nobody_holds_it(calls):
    assert module.let_go({"name": "demo", "who": OTHER}, None) == {"run": {}, "call": {}}
