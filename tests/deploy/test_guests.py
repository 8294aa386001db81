"""This process as a guest of a cloud's machine, on a cloud in memory; `test_guest_in_a_cloud` has real ones."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from deploy.clouds.calls import NAME, Calls
from emulators.memory import ShowingCloud, only_cloud

from zephyr_deploy.deploy import fleet, guests
from zephyr_deploy.deploy.clouds import boot
from zephyr_deploy.deploy.clouds.gc import overdue, shut_all
from zephyr_deploy.deploy.known import known
from zephyr_deploy.errors import AuthError, CredentialsError, HostKeyError, UnreachableError
from zephyr_deploy.events import Phases
from zephyr_deploy.node.held import GUEST, public_text
from zephyr_deploy.paths import state_dir
from zephyr_deploy.providers.nodes.record import record_of

HOME = "203.0.113.7/32"
RUNNER = "198.51.100.20/32"


class Node:
    """A connection to a machine that is none; what it was asked is kept in `asked`."""

    alive = True
    asked: list

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.asked.append(("closed", None, None))


@pytest.fixture
def asked(monkeypatch):
    """What machines were asked: verb, key, and for how long."""
    Node.asked = found = []

    def call(_node, verb, request, **_):
        found.append((verb, request["key"], request.get("for_s")))
        return {}

    for name in ("connect", "connect_noted"):
        monkeypatch.setattr(guests, name, lambda *_args, **_given: Node())
    monkeypatch.setattr(boot, "connect", lambda *_args, **_given: Node())
    monkeypatch.setattr(guests, "call", call)
    monkeypatch.setattr(fleet, "connect", lambda *_args, **_given: Node())
    return found


@pytest.fixture
def cloud(tmp_path, monkeypatch, asked):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "laptop"))
    made = ShowingCloud()
    only_cloud(made, monkeypatch)
    Calls(made, []).up()
    asked.clear()
    yield made
    guests.leave(lambda _text: None)


@pytest.fixture
def runner(cloud, tmp_path, monkeypatch):
    """A clean checkout elsewhere."""
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "runner"))
    monkeypatch.setenv("ZEPHYR_GUEST", "30m")
    monkeypatch.setattr(cloud, "caller", lambda: RUNNER)
    return cloud


def left(cloud):
    """What is told when it leaves."""
    told = []
    guests.leave(told.append)
    return told


def test_it_is_let_in_for_a_time_by_a_key_that_is_in_no_file(runner, asked):
    record = known(NAME)
    assert record.entry.identity_from == GUEST
    assert record.host_key == runner.instances()[0].stamp.host_key
    assert asked == [("admit", public_text(GUEST), 1800.0)]
    (opening,) = runner.openings()
    assert (opening.network, opening.deployment) == (RUNNER, NAME)
    assert timedelta(minutes=29) < opening.until - runner.now() <= timedelta(minutes=30)
    assert not [path for path in state_dir().rglob("*") if path.is_file() and "PRIVATE" in path.read_text()]


def test_once_in_it_is_not_let_in_again(runner, asked):
    assert known(NAME) == known(NAME)
    assert [verb for verb, _, _ in asked] == ["admit"]
    assert runner.calls.count("let_in") == 1


def test_one_that_works_for_long_is_let_in_anew_before_its_time_is_over(runner, asked, monkeypatch):
    known(NAME)
    (first,) = runner.openings()
    later, now, began = timedelta(minutes=16), runner.now, time.monotonic()
    runner.now = lambda: now() + later
    monkeypatch.setattr(guests.time, "monotonic", lambda: began + later.total_seconds())
    with fleet.Fleet.of(record_of(NAME), Phases()) as found:
        found.connect()
    (second,) = runner.openings()
    assert second.until - first.until >= later
    assert [verb for verb, _, _ in asked].count("admit") == 2
    assert [verb for verb, _, _ in asked].count("closed") == 2, "its first line, and that of the work"
    assert left(runner) == []
    assert runner.open[NAME] == {}


def test_what_it_was_given_is_taken_back_when_it_leaves(runner, asked):
    known(NAME)
    assert left(runner) == []
    assert runner.open[NAME] == {}
    assert asked[1:] == [("dismiss", public_text(GUEST), None), *[("closed", None, None)] * 2]
    assert left(runner) == []
    assert runner.calls.count("let_out") == 1


def test_the_next_process_of_the_same_job_is_let_in_anew(runner, asked):
    known(NAME)
    left(runner)
    asked.clear()
    assert known(NAME).entry.identity_from == GUEST
    assert [verb for verb, _, _ in asked] == ["admit"]


def test_who_is_no_guest_any_more_gets_a_key_of_its_own(runner, asked, monkeypatch):
    known(NAME)
    left(runner)
    monkeypatch.delenv("ZEPHYR_GUEST")
    record = known(NAME)
    assert record.entry.identity.read_text().startswith("-----BEGIN")
    assert record_of(NAME) == record
    assert asked[-2][0] == "admit"
    assert asked[-2][2] is None


def test_who_has_a_key_of_its_own_is_let_in_from_where_it_is_and_keeps_its_key(cloud, asked, monkeypatch):
    before = record_of(NAME)
    monkeypatch.setenv("ZEPHYR_GUEST", "30m")
    monkeypatch.setattr(cloud, "caller", lambda: RUNNER)
    assert known(NAME).entry == before.entry
    assert [opening.network for opening in cloud.openings()] == [RUNNER]
    assert asked == [("admit", before.entry.identity.with_suffix(".pub").read_text().rsplit(" ", 1)[0], None)]
    left(cloud)
    assert [verb for verb, _, _ in asked] == ["admit", "closed"]


def test_a_machine_that_a_guest_orders_is_open_to_it_no_longer_than_it_stays(runner, asked):
    instance = Calls(runner, []).up()
    (opening,) = runner.openings()
    assert (opening.deployment, opening.network) == (NAME, RUNNER)
    runner.delete(next(one for one in runner.resources() if one.id == instance.id))
    left(runner)
    assert runner.openings() == []


def test_a_guest_that_orders_a_machine_gives_its_key_an_end(tmp_path, monkeypatch, asked):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "runner"))
    monkeypatch.setenv("ZEPHYR_GUEST", "1h")
    made = ShowingCloud()
    only_cloud(made, monkeypatch)
    instance = Calls(made, []).up()
    assert made.paper.made[instance.id].keys == [public_text(GUEST)]
    assert ("admit", public_text(GUEST), 3600.0) in asked
    left(made)
    assert ("dismiss", public_text(GUEST), None) in asked


def test_credentials_that_expire_meanwhile_leave_it_open_until_its_end_which_is_said(runner):
    known(NAME)
    runner.fails["let_out"] = [AuthError("the credentials expired (ExpiredToken)")]
    (text,) = left(runner)
    until = runner.openings()[0].until
    assert f"stays open to this network until {until:%Y-%m-%d %H:%M} UTC" in text
    assert "ExpiredToken" in text
    assert "zephyr-deploy gc" in text


def test_a_machine_that_was_restarted_meanwhile_is_gone_to_anew(runner, asked, monkeypatch):
    known(NAME)
    monkeypatch.setattr(Node, "alive", False)
    left(runner)
    assert ("dismiss", public_text(GUEST), None) in asked


def test_one_that_does_not_answer_keeps_nobody(runner, asked, monkeypatch):
    def nobody(*_args, **_given):
        raise UnreachableError("no route")

    known(NAME)
    monkeypatch.setattr(Node, "alive", False)
    monkeypatch.setattr(guests, "connect", nobody)
    assert left(runner) == []
    assert runner.open[NAME] == {}


def test_a_cloud_takes_some_seconds_to_let_one_in(runner, asked, monkeypatch):
    answers = [UnreachableError("it did not answer"), CredentialsError("it refused the key of this run")]

    def connect(*_args, **_given):
        if answers:
            raise answers.pop(0)
        return Node()

    monkeypatch.setattr(guests, "PAUSES_S", (0.01,))
    monkeypatch.setattr(guests, "connect_noted", connect)
    known(NAME)
    assert [verb for verb, _, _ in asked] == ["admit"]


def test_one_whose_opening_another_run_has_undone_meanwhile_opens_it_again(runner, asked, monkeypatch):
    """On E2E a change is one of all rules: of two that come at the same moment, the later one's stay."""
    tries = []

    def connect(*_args, **_given):
        tries.append(RUNNER in runner.open[NAME])
        if len(tries) == 1:
            del runner.open[NAME][RUNNER]
            raise UnreachableError("it did not answer")
        return Node()

    monkeypatch.setattr(guests, "PAUSES_S", (0.01,))
    monkeypatch.setattr(guests, "connect_noted", connect)
    known(NAME)
    assert tries == [True, True]
    assert [verb for verb, _, _ in asked] == ["admit"]


def test_nobody_goes_on_to_a_machine_with_another_host_key(runner, monkeypatch):
    tries = []

    def another(*_args, **_given):
        tries.append(1)
        raise HostKeyError("another")

    monkeypatch.setattr(guests, "connect_noted", another)
    with pytest.raises(HostKeyError):
        known(NAME)
    assert len(tries) == 1


def test_one_that_cannot_be_let_in_leaves_nothing_open(runner, monkeypatch):
    def nobody(*_args, **_given):
        raise UnreachableError("no route")

    monkeypatch.setattr(guests, "ENTER_S", 0.0)
    monkeypatch.setattr(guests, "connect_noted", nobody)
    with pytest.raises(UnreachableError):
        known(NAME)
    assert left(runner) == []
    assert runner.open[NAME] == {}


def test_a_killed_ones_opening_is_closed_once_its_time_is_over(runner):
    known(NAME)
    (opening,) = runner.openings()
    assert overdue() == []
    runner.now = lambda: opening.until
    assert overdue() == [opening]
    assert shut_all(overdue()) == ([opening], [])
    assert runner.openings() == []


def test_one_that_cannot_be_closed_is_told(runner):
    known(NAME)
    (opening,) = runner.openings()
    runner.fails["shut"] = [AuthError("expired")]
    closed, troubles = shut_all([opening])
    assert closed == []
    assert troubles == [f"{opening} stays open: expired"]
