"""Runs: who is asked before anything changes, and who is told how it ended."""

from __future__ import annotations

import pytest

from zephyr_deploy.deploy import run as module
from zephyr_deploy.deploy.run import running
from zephyr_deploy.errors import GateError, UnreachableError
from zephyr_deploy.events import Notice, Phases


@pytest.fixture
def heard(monkeypatch, tmp_path):
    """The outcomes that were told."""
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    outcomes = []
    monkeypatch.setattr(module, "TOLD", {"a listener": lambda _run, outcome: outcomes.append(outcome)})
    return outcomes


def test_a_run_that_had_nothing_to_do_is_told_as_such(heard):
    with running("demo", "redeploy", Phases()) as run:
        pass
    (outcome,) = heard
    assert (outcome.result, outcome.exit_code, outcome.run) == ("unchanged", 0, run.journal.run)


def test_what_it_was_about_to_do_counts_once_it_is_done(heard):
    with running("demo", "redeploy", Phases()) as run:
        run.about_to("deploy", before="a", release="b")
    (outcome,) = heard
    assert (outcome.before, outcome.release, outcome.result) == ("a", "b", "changed")
    assert run.who["run"] == outcome.run


def _run_into(error, result="changed"):
    with running("demo", "redeploy", Phases()) as run:
        run.about_to("deploy", before="a", release="b")
        run.result = result
        raise error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UnreachableError("it is gone"), ("failed", 6, "it is gone")),
        (KeyboardInterrupt(), ("interrupted", 130, "")),
        (OSError(28, "No space left on device", "/secret/place"), ("failed", 1, "OSError: No space left on device")),
        (TypeError("it holds a sekret"), ("failed", 1, "TypeError")),
    ],
)
def test_an_end_by_an_error_is_told_and_raised_on(heard, error, expected):
    with pytest.raises(type(error)):
        _run_into(error)
    (outcome,) = heard
    assert (outcome.result, outcome.exit_code, outcome.error) == expected


def test_a_release_that_was_taken_back_is_no_mere_failure(heard):
    with pytest.raises(GateError):
        _run_into(GateError("too slow"), result="rolled_back")
    assert heard[0].result == "rolled_back"


def test_who_is_asked_may_stop_it_before_anything_changes(heard, monkeypatch):
    def refuse(_run, change):
        raise GateError(f"no {change} on a Friday")

    monkeypatch.setattr(module, "ASKED", (refuse,))
    with pytest.raises(GateError, match="no deploy on a Friday"), running("demo", "up", Phases()) as run:
        run.about_to("deploy")
    assert (heard[0].result, run.changes) == ("failed", [])


def test_that_somebody_cannot_be_told_spoils_nothing(heard, monkeypatch):
    def deaf(_run, _outcome):
        raise UnreachableError("no answer")

    monkeypatch.setattr(module, "TOLD", {"the moon": deaf, **module.TOLD})
    said = []
    with running("demo", "up", Phases(said.append)):
        pass
    assert [notice.message for notice in said if isinstance(notice, Notice)] == [
        "How this ended could not be told to the moon: no answer"
    ]
    assert len(heard) == 1
