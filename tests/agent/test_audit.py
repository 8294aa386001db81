"""The audit log of a node: lines with numbers, whatever the clock says and whatever goes wrong."""

import multiprocessing

import pytest

from zephyr_deploy.agent import audit as module
from zephyr_deploy.agent import layout as places
from zephyr_deploy.agent.errors import GoneError, NodeError
from zephyr_deploy.agent.layout import Layout
from zephyr_deploy.agent.store import Store
from zephyr_deploy.agent.working import locked

ME = {"user": "ann", "machine": "laptop", "command": "redeploy", "origin": "a1", "run": "r1"}


@pytest.fixture
def store(tmp_path, monkeypatch):
    for name in ("AUDIT", "ROOT", "RUNS"):
        monkeypatch.setattr(places, name, tmp_path / name.lower())
    return Store(Layout("demo"))


def told():
    """What the node tells of it."""
    return module.audit({"name": "demo"}, None)["lines"]


def test_what_is_done_under_the_lock_stands_in_it_with_what_served_before_and_after(store):
    store.set_current("old")
    with locked(store, ME, 0, verb="apply"):
        store.set_current("new")
    begun, ended = told()
    assert (begun["seq"], begun["verb"], begun["stage"], begun["before"]) == (1, "apply", "begun", "old")
    assert (ended["seq"], ended["stage"], ended["result"], ended["cause"]) == (2, "ended", "done", "")
    assert (ended["before"], ended["release"], ended["who"]) == ("old", "new", ME)


def test_what_is_nothing_to_be_noted_is_not(store):
    with locked(store, ME, 0):
        pass
    assert told() == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NodeError("engine_failed", "no memory"), ("failed", "no memory")),
        (GoneError(), ("left", "nobody listened any more")),
        (KeyError("x"), ("failed", "KeyError")),
    ],
)
def test_that_it_failed_stands_there_with_the_cause(store, error, expected):
    with pytest.raises(type(error)), locked(store, ME, 0, verb="apply"):
        raise error
    assert (told()[1]["result"], told()[1]["cause"]) == expected


def test_who_had_to_wait_in_vain_did_nothing(store):
    with locked(store, ME, 0), pytest.raises(NodeError), locked(store, {**ME, "origin": "b2"}, 0, verb="apply"):
        pass
    assert told() == []


def test_a_verdict_says_what_came_of_it(store):
    with locked(store, ME, 0, verb="judge") as noted:
        noted.update(result="refused", cause="ttft_p99 is 900 ms")
    assert (told()[1]["result"], told()[1]["cause"]) == ("refused", "ttft_p99 is 900 ms")


def test_a_clock_that_is_set_back_changes_no_order(store, monkeypatch):
    for now in (5000.0, 1000.0, 9000.0):
        monkeypatch.setattr(module.time, "time", lambda now=now: now)
        module.note(store.layout, ME, "extend", "done")
    assert [(line["seq"], line["at"]) for line in told()] == [(1, 5000.0), (2, 1000.0), (3, 9000.0)]


def test_a_line_that_a_crash_cut_short_spoils_no_other(store):
    module.note(store.layout, ME, "extend", "done")
    with store.layout.audit.open("a") as file:
        file.write('{"seq": 2, "ver')
    module.note(store.layout, ME, "extend", "done")
    assert [line["seq"] for line in told()] == [1, 2]


def _many(layout):
    for _ in range(10):
        module.note(layout, ME, "extend", "done")


def test_two_at_once_have_numbers_of_their_own(store):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_many, args=(store.layout,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [line["seq"] for line in told()] == list(range(1, 21))


def test_a_log_that_cannot_be_written_stops_nothing_and_is_told(store, heard):
    store.layout.audit.parent.parent.mkdir(exist_ok=True)
    store.layout.audit.parent.write_text("a file is in the way")
    with locked(store, ME, 0, verb="remove", report=heard.report):
        pass
    notices = [event for event in heard.events() if event["event"] == "notice"]
    assert "The audit log of the machine lacks this remove" in notices[0]["message"]


def test_it_is_root_s_alone(store):
    module.note(store.layout, ME, "extend", "done")
    assert store.layout.audit.stat().st_mode & 0o777 == 0o600
