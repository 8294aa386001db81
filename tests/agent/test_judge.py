"""The end of a trial on a node: kept, or taken back; and what a release is held against that comes meanwhile."""

from __future__ import annotations

import pytest

from zephyr_deploy.agent import apply as switching
from zephyr_deploy.agent import judge as module
from zephyr_deploy.agent.apply import Apply
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.judge import judge
from zephyr_deploy.agent.layout import Layout
from zephyr_deploy.agent.store import Store

ME = {"user": "ann", "machine": "laptop", "command": "redeploy", "origin": "a1", "run": "r1"}
REQUEST = {
    "name": "demo",
    "release": "new",
    "who": ME,
    "passed": True,
    "cause": "",
    "levels": [{"concurrency": 1}],
    "report": "{}",
}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """On a node where ``old`` served and ``new`` is on trial."""
    monkeypatch.setattr("zephyr_deploy.agent.layout.ROOT", tmp_path)
    store = Store(Layout("demo"))
    for release in ("old", "new"):
        store.write_release(release, {"release.json": '{"name": "demo"}'})
    store.note("old", "active", ME)
    store.set_current("new", {"before": "old", "who": ME, "at": 1.0})
    store.note("new", "active", ME, before="old", trial=True)
    return store


@pytest.fixture
def switched(monkeypatch, store):
    """Which releases were switched to; each works, or fails as told."""
    seen = []

    def bring(self):
        assert not self.request["trial"]
        assert self.files == {}
        seen.append(self.release)
        if switched.broken:
            self.store.note(self.release, "failed", self.who, cause="no memory")
            raise NodeError("engine_failed", "it has no memory; release new serves again")
        self.store.set_current(self.release)
        self.store.note(self.release, "active", self.who)

    switched = type("Switched", (), {"seen": seen, "broken": False})
    monkeypatch.setattr(module.Apply, "bring", bring)
    return switched


def events(store):
    return [(entry["release"], entry["event"]) for entry in store.history()][2:]


def test_what_passed_is_no_longer_on_trial(store, switched, heard):
    assert judge(REQUEST, heard.report) == {"outcome": "passed", "release": "new", "judged": "new"}
    assert (store.current, store.trial, switched.seen) == ("new", {}, [])
    assert events(store) == [("new", "passed")]
    assert [entry["release"] for entry in store.figures()] == ["new"]
    assert store.gate("new") == "{}"


def test_a_machine_that_stops_within_the_verdict_has_it_judged_again(store, switched, heard, monkeypatch):
    writes = []

    def cut_off(write):
        def second(*args):
            writes.append(write)
            if len(writes) == 2:
                raise OSError("the power is gone")
            write(*args)

        return second

    with monkeypatch.context() as patched:
        for name in ("set_current", "note"):
            patched.setattr(Store, name, cut_off(getattr(Store, name)))
        with pytest.raises(OSError, match="power"):
            judge({**REQUEST, "levels": [], "report": ""}, heard.report)
    assert store.trial["before"] == "old"
    judge(REQUEST, heard.report)
    store.note("newer", "active", ME)
    assert store.last_good("newer") == "new"


def test_what_was_refused_gives_way_to_what_served_before(store, switched, heard):
    refused = {**REQUEST, "passed": False, "cause": "ttft_p99 is 800ms"}
    assert judge(refused, heard.report) == {"outcome": "refused", "release": "old", "judged": "new"}
    assert (store.current, store.trial) == ("old", {})
    assert events(store) == [("new", "refused"), ("old", "active")]
    assert store.history()[2]["cause"] == "ttft_p99 is 800ms"
    assert store.figures()[0]["levels"] == [{"concurrency": 1}]


def test_it_is_gone_back_whoever_listens(store, switched, heard):
    heard.hang_up()
    heard.report.send("alive")
    judge({**REQUEST, "passed": False}, heard.report)
    assert store.current == "old"


def test_a_way_back_that_fails_leaves_it_on_trial(store, switched, heard):
    switched.broken = True
    with pytest.raises(NodeError, match="release new serves again"):
        judge({**REQUEST, "passed": False}, heard.report)
    assert (store.current, store.trial["before"]) == ("new", "old")


@pytest.mark.parametrize(("current", "trial"), [("other", {"before": "old"}), ("new", None)])
def test_another_release_or_one_that_is_not_on_trial_is_left_alone(store, switched, heard, current, trial):
    store.set_current(current, trial)
    assert judge({**REQUEST, "passed": False}, heard.report)["outcome"] == "no trial"
    assert (store.current, switched.seen, events(store)) == (current, [], [])


def on_trial(store, release, old, monkeypatch, *, trial=True):
    monkeypatch.setattr(switching, "Gateway", lambda _layout: type("G", (), {"slots": None}))
    request = {"name": "demo", "release": release, "who": ME, "trial": trial}
    return Apply(request, None)._on_trial(old)


def test_what_comes_while_one_is_on_trial_is_held_against_the_last_good_one(store, monkeypatch):
    assert on_trial(store, "newer", "new", monkeypatch)["before"] == "old"
    assert on_trial(store, "new", "new", monkeypatch)["at"] == 1.0, "started anew, it still has to be judged"
    assert on_trial(store, "old", "new", monkeypatch) == {}, "that is the way back"
    assert on_trial(store, "newer", "new", monkeypatch, trial=False) == {}


def test_the_first_trial_is_held_against_what_serves(store, monkeypatch):
    store.set_current("old")
    assert on_trial(store, "new", "old", monkeypatch)["before"] == "old"
