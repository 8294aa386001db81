"""What a node remembers, and who may change it."""

import multiprocessing
import os
import re
import signal
import time

import pytest

from zephyr_deploy.agent import store as module
from zephyr_deploy.agent import verbs
from zephyr_deploy.agent.errors import GoneError, NodeError
from zephyr_deploy.agent.layout import Layout
from zephyr_deploy.agent.lock import holder_of, run_lock
from zephyr_deploy.agent.store import Store
from zephyr_deploy.agent.working import locked, work

ME = {"user": "ann", "machine": "laptop", "command": "up", "origin": "a1"}
OTHER = {"user": "bob", "machine": "desk", "command": "redeploy", "origin": "b2"}


@pytest.fixture
def layout(tmp_path):
    layout = Layout("demo")
    layout.home = tmp_path / "demo"
    layout.releases, layout.ports = layout.home / "releases", layout.home / "ports"
    layout.lock, layout.state = layout.home / "lock", layout.home / "state.json"
    layout.history, layout.measured = layout.home / "history.jsonl", layout.home / "measured.jsonl"
    layout.gates = layout.home / "gates"
    return layout


@pytest.fixture
def store(layout):
    return Store(layout)


def hold(layout, who, ready, seconds):
    """Another process, which holds the lock until it is asked to end."""
    ended = []
    for asked in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(asked, lambda number, _frame: ended.append(number))
    with locked(Store(layout), who, 0):
        ready.set()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not ended:
            time.sleep(0.02)


@pytest.fixture
def held_by(layout):
    context, processes = multiprocessing.get_context("fork"), []

    def start(who, seconds=30.0):
        ready = context.Event()
        process = context.Process(target=hold, args=(layout, who, ready, seconds))
        process.start()
        processes.append(process)
        assert ready.wait(10)
        return process

    yield start
    for process in processes:
        process.kill()
        process.join()


def test_another_is_told_who_holds_it(store, held_by):
    held_by(ME)
    with (
        pytest.raises(NodeError, match="locked on the node by `up` of ann on laptop since") as caught,
        locked(store, OTHER, 0),
    ):
        pass
    assert caught.value.kind == "locked"
    assert "--lock-wait" in caught.value.hint


def test_or_waits_and_is_told_for_whom(store, held_by, heard):
    held_by(ME, seconds=0.5)
    with locked(store, OTHER, 10, report=heard.report):
        pass
    (notice,) = heard.events()
    assert re.fullmatch(r"Waiting for `up` of ann on laptop since ..:..:.. UTC \(\d s ago\)\.", notice["message"])


def test_nobody_waits_on_for_one_who_has_gone(store, held_by, heard):
    held_by(ME)
    heard.report.leave()
    with pytest.raises(GoneError), locked(store, OTHER, 10, report=heard.report):
        pass


def test_a_holder_of_the_same_origin_is_asked_to_end_and_followed(store, held_by):
    """Its connection was cut: on the machine that it came from only one call at a time works on a deployment."""
    orphan = held_by(ME)
    with locked(store, ME, 0):
        orphan.join(5)
        assert orphan.exitcode == 0


def test_a_killed_holder_leaves_no_lock(store, held_by):
    process = held_by(OTHER)
    process.kill()
    process.join()
    with locked(store, ME, 0):
        pass


def test_the_kernel_knows_the_holder(store, layout):
    with locked(store, ME, 0):
        descriptor = os.open(layout.lock, os.O_RDWR)
        try:
            assert holder_of(descriptor) == os.getpid()
        finally:
            os.close(descriptor)


def test_a_lock_file_that_was_deleted_is_made_anew(store, layout):
    with locked(store, ME, 0):
        layout.lock.unlink()
    with locked(store, OTHER, 0):
        assert layout.lock.exists()


def test_a_call_of_another_run_than_the_one_that_holds_the_node_is_refused(store, layout, tmp_path):
    """Its own hold was let go by force, say, and it is still at work somewhere."""
    layout.run_lock = tmp_path / "runs" / "demo.lock"
    mine, other = {**ME, "run": "r1"}, {**OTHER, "run": "r2"}
    with run_lock(layout).held(mine, 0, passing=True):
        with pytest.raises(NodeError, match="locked on the node by `up` of ann"), locked(store, other, 0):
            pass
        with locked(store, mine, 0):
            assert work(store.layout)["run"] == "r1"
        assert work(store.layout)["run"] == "r1", "between its calls, too"
    with locked(store, other, 0):
        pass
    assert not list(layout.run_lock.parent.iterdir()), "nothing of it is left"


def release(store, name):
    store.write_release(name, {"release.json": '{"name": "demo"}', "engine.sh": "#!/bin/sh\n"})


def test_the_last_good_release_is_the_one_that_served_before_and_is_still_here(store):
    for name in ("aaa", "bbb", "ccc"):
        release(store, name)
    store.note("aaa", "active", ME)
    store.note("bbb", "failed", ME, cause="no memory")
    store.note("ccc", "active", ME)
    assert store.last_good("ccc") == "aaa"
    assert store.last_good("aaa") == "ccc"
    assert store.last_good("zzz") == "ccc"


@pytest.mark.parametrize(
    ("events", "good"),
    [
        ([("bbb", "active", True)], "aaa"),
        ([("bbb", "active", True), ("bbb", "passed", False)], "bbb"),
        ([("bbb", "active", True), ("bbb", "refused", False), ("aaa", "active", False)], "aaa"),
        ([("bbb", "active", True), ("bbb", "refused", False), ("bbb", "active", False)], "bbb"),
        ([("bbb", "active", False), ("bbb", "active", True), ("bbb", "refused", False)], "aaa"),
    ],
    ids=["on trial", "passed", "refused", "taken all the same", "refused the second time"],
)
def test_what_did_not_pass_its_gate_is_nothing_to_go_back_to(store, events, good):
    for name in ("aaa", "bbb", "ccc"):
        release(store, name)
    store.note("aaa", "active", ME)
    for name, event, trial in events:
        store.note(name, event, ME, **({"trial": True} if trial else {}))
    store.note("ccc", "active", ME)
    assert store.last_good("ccc") == good


def test_a_release_is_on_trial_from_the_write_on_that_says_that_it_serves(store):
    store.set_current("bbb", {"before": "aaa"})
    assert (store.current, store.trial) == ("bbb", {"before": "aaa"})
    store.set_current("bbb")
    assert (store.current, store.trial) == ("bbb", {})


def test_figures_are_kept_of_the_release_that_serves_and_of_no_other(store, layout, monkeypatch):
    monkeypatch.setattr(verbs, "Layout", lambda _name: layout)
    release(store, "aaa")
    store.set_current("aaa")
    request = {"name": "demo", "who": ME, "levels": [{"concurrency": 1}]}
    assert verbs.measured({**request, "release": "bbb"}, None) == {"noted": False}
    assert verbs.measured({**request, "release": "aaa"}, None) == {"noted": True}
    found = verbs.releases({"name": "demo"}, None)["measured"]
    assert [(entry["release"], entry["who"], entry["levels"]) for entry in found] == [("aaa", ME, [{"concurrency": 1}])]


def test_old_releases_are_pruned_but_never_the_one_that_serves(store, layout):
    names = [f"r{n}" for n in range(module.KEPT_RELEASES + 3)]
    for name in names:
        release(store, name)
        store.note(name, "active", ME)
        store.note_gate(name, "{}")
    gone = store.prune({"r0"})
    assert gone == ["r1", "r2"]
    assert store.has("r0")
    assert [store.gate(name) for name in ("r0", "r1", "r3")] == ["{}", "", "{}"]
    assert store.has(names[-1])


def test_what_was_refused_again_and_again_leaves_something_to_go_back_to(store):
    for name in ("aaa", "bbb"):
        release(store, name)
        store.note(name, "active", ME)
    for name in (f"bad{n}" for n in range(module.KEPT_RELEASES + 2)):
        release(store, name)
        store.note(name, "active", ME, trial=True)
        store.note(name, "refused", ME)
        store.note("bbb", "active", ME)
        store.prune({"bbb"})
    assert store.last_good("bbb") == "aaa"
    assert not store.has("bad0")


def test_a_line_cut_short_by_a_crash_is_passed_over(store, layout):
    release(store, "aaa")
    store.note("aaa", "active", ME)
    with layout.history.open("a") as file:
        file.write('{"release": "bb')
    assert [entry["release"] for entry in store.history()] == ["aaa"]
    store.note("ccc", "passed", ME)
    assert [entry["release"] for entry in store.history()] == ["aaa", "ccc"], "and takes none with it"


def test_scripts_can_be_run(store, layout):
    release(store, "aaa")
    assert os.access(layout.release("aaa") / "engine.sh", os.X_OK)
    assert store.files("aaa").keys() == {"release.json", "engine.sh"}
