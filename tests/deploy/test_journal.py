import stat

import pytest

from zephyr_deploy.deploy.journal import Journal


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))


def test_an_intent_without_a_result_is_unfinished():
    journal = Journal("demo", run="a1")
    journal.intend("stop", pid="7")
    journal.done("stop")
    journal.intend("start", release="abc")
    assert [(e.step, e.facts) for e in Journal("demo", run="b2").unfinished()] == [("start", {"release": "abc"})]


def test_a_failure_is_a_result():
    journal = Journal("demo", run="a1")
    journal.intend("start")
    journal.failed("start", cause="port taken")
    assert journal.unfinished() == []


def test_the_same_step_of_another_run_does_not_finish_it():
    Journal("demo", run="a1").intend("start")
    Journal("demo", run="b2").done("start")
    assert [e.run for e in Journal("demo", run="c3").unfinished()] == ["a1"]


def test_a_line_cut_short_by_a_crash_is_passed_over():
    journal = Journal("demo", run="a1")
    journal.intend("start")
    with journal.path.open("a") as file:
        file.write('{"at":"2026-11-2')
    assert [e.step for e in journal.entries()] == ["start"]


def test_without_a_journal_nothing_is_unfinished():
    assert Journal("demo", run="a1").unfinished() == []


def test_only_the_user_can_read_it():
    journal = Journal("demo", run="a1")
    journal.intend("start")
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700
