"""The audit log: what is noted here, and how it is told together with what nodes noted."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from zephyr_deploy.deploy import audit as module
from zephyr_deploy.deploy.audit import audit, forget_audit, log_path, merged, noted
from zephyr_deploy.deploy.outcome import Outcome
from zephyr_deploy.deploy.run import running
from zephyr_deploy.errors import NotDeployedError, UnreachableError
from zephyr_deploy.events import Phases
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.providers.nodes.record import NodesRecord

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
BOB = {"user": "bob", "machine": "GitHub Actions", "command": "redeploy", "job": "https://ci/7"}


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "state"))


def outcome(run, minutes, **changes):
    """One run of Ann's, so many minutes after noon by her clock."""
    at = NOON + timedelta(minutes=minutes)
    said = {"command": "redeploy", "user": "ann", "machine": "laptop", "seconds": 1.0, "result": "changed", **changes}
    return Outcome(run=run, deployment="demo", at=at, **said)


def lines(run, seq, minutes, *, verb="apply", who=BOB, ended=True, **facts):
    """What a node notes of one call."""
    at = (NOON + timedelta(minutes=minutes)).timestamp()
    begun = {"seq": seq, "at": at, "verb": verb, "stage": "begun", "who": {**who, "run": run}, "before": "old"}
    end = {**begun, "seq": seq + 1, "stage": "ended", "release": "new", "result": "done", "cause": "", **facts}
    return [begun, end] if ended else [begun]


def runs(found):
    return [(entry.run, entry.result) for entry in found]


def test_a_run_that_ended_is_noted_with_what_came_of_it():
    with running("demo", "redeploy", Phases()) as run:
        run.about_to("deploy", before="old", release="new")
    with pytest.raises(UnreachableError), running("demo", "rollback", Phases()):
        raise UnreachableError("it is gone")
    first, second = audit("demo", here=True)[0]
    assert (first.run, first.before, first.release, first.result) == (run.journal.run, "old", "new", "changed")
    assert (second.command, second.result, second.cause) == ("rollback", "failed", "it is gone")
    assert log_path("demo").stat().st_mode & 0o777 == 0o600


def test_a_run_that_had_nothing_to_do_and_found_nothing_is_none():
    with running("demo", "down", Phases()):
        pass
    with pytest.raises(NotDeployedError, match="nothing is known of demo"):
        audit("demo", here=True)


def test_a_line_that_a_crash_cut_short_is_passed_over():
    module.tell(None, outcome("r1", 0))
    with log_path("demo").open("a") as file:
        file.write('{"run": "r2"')
    assert [one.run for one in noted("demo")] == ["r1"]


def test_it_is_forgotten_on_demand():
    module.tell(None, outcome("r1", 0))
    assert forget_audit("demo") == ["audit log of demo"]
    assert forget_audit("demo") == []


def test_a_run_is_one_entry_by_what_its_machine_and_its_nodes_say():
    own = outcome("r1", 0, before="old", release="new", cost_usd=1.5)
    told = {"gpu1": lines("r1", 1, 0, who={**BOB, "user": "ann"}), "gpu2": lines("r1", 1, 0)}
    (entry,) = merged([own], told)
    assert (entry.user, entry.cost_usd, entry.nodes, entry.here) == ("ann", 1.5, ("gpu1", "gpu2"), True)


def test_a_run_from_elsewhere_is_told_by_its_node():
    (entry,) = merged([], {"gpu1": lines("r1", 1, 3)})
    assert (entry.user, entry.machine, entry.job, entry.here) == ("bob", "GitHub Actions", "https://ci/7", False)
    assert (entry.before, entry.release, entry.at) == ("old", "new", NOON + timedelta(minutes=3))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (lines("r1", 1, 0), ("changed", "")),
        (lines("r1", 1, 0, ended=False), ("cut off", "")),
        (lines("r1", 1, 0, result="failed", cause="no memory"), ("failed", "no memory")),
        (
            lines("r1", 1, 0, result="left", cause="nobody listened any more"),
            ("interrupted", "nobody listened any more"),
        ),
        (
            [*lines("r1", 1, 0), *lines("r1", 3, 1, verb="judge", result="refused", cause="too slow")],
            ("rolled_back", "too slow"),
        ),
        ([*lines("r1", 1, 0), *lines("r1", 3, 1, verb="judge", ended=False)], ("cut off", "")),
        ([{**lines("r1", 1, 0)[1], "stage": "done", "verb": "let_go"}], ("changed", "")),
    ],
)
def test_what_came_of_a_run_is_told_by_its_lines(told, expected):
    (entry,) = merged([], {"gpu1": told})
    assert (entry.result, entry.cause) == expected


def test_a_run_that_failed_on_one_of_its_nodes_has_failed():
    told = {"gpu1": lines("r1", 1, 0), "gpu2": lines("r1", 1, 0, result="failed", cause="no memory")}
    (entry,) = merged([], told)
    assert (entry.result, entry.cause, entry.nodes) == ("failed", "no memory", ("gpu1", "gpu2"))


def test_the_order_is_that_of_the_node_whatever_the_clocks_say():
    told = {"gpu1": [*lines("r1", 1, 500), *lines("r2", 3, -500), *lines("r3", 5, 100)]}
    assert [entry.run for entry in merged([], told)] == ["r1", "r2", "r3"]


def test_what_only_one_side_knows_goes_between_what_both_know():
    own = [outcome("a", 0), outcome("b", 1, result="failed", error="no"), outcome("c", 2)]
    told = {"gpu1": [*lines("a", 1, -90), *lines("x", 3, -89), *lines("c", 5, -80), *lines("y", 7, -70)]}
    assert [entry.run for entry in merged(own, told)] == ["a", "x", "b", "c", "y"]


def test_a_machine_that_does_not_answer_is_said_and_the_rest_is_told(monkeypatch):
    NodesRecord(name="demo", provider="ssh", nodes=(NodeAddress(host="gpu1"),)).save()
    monkeypatch.setattr(module, "_asked", lambda _record: ({}, [UnreachableError("gpu1 is away")]))
    with pytest.raises(UnreachableError):
        audit("demo")
    module.tell(None, outcome("r1", 0))
    found, troubles = audit("demo")
    assert (runs(found), troubles) == ([("r1", "changed")], ["gpu1 is away"])
