"""The end of a machine in a cloud is moved on the machine and in the cloud; what is cut off leaves the earlier end."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest
from deploy.clouds.calls import NAME
from emulators.memory import MemoryCloud, only_cloud

from zephyr_deploy.deploy import extend as verbs
from zephyr_deploy.deploy.extend import extend
from zephyr_deploy.errors import ConfigError, NotDeployedError, UnreachableError, UsageError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.providers.nodes.record import NodesRecord, record_of

HOUR = timedelta(hours=1)
CLOSE = timedelta(seconds=10)


class Killed(BaseException):
    """What ends a process here, so that nothing of it is written any more."""


class Machine:
    """The machine's own word: what `zephyr_deploy.agent.expiry` and `.extend` answer."""

    def __init__(self):
        self.ends_at, self.installed, self.away = datetime.now(timezone.utc) + 8 * HOUR, True, False
        self.idle_s, self.asked = 3600.0, []

    def call(self, node, verb, request, *, deadline_s):
        assert node == "line"
        self.asked.append(verb)
        if self.away:
            raise UnreachableError("it does not answer")
        if not self.installed:
            return {"expiry": None}
        if verb == "extend":
            self.idle_s = request.get("idle_s", self.idle_s)
            if "left_s" in request:
                left_s = request["left_s"]
                self.ends_at = None if left_s is None else datetime.now(timezone.utc) + timedelta(seconds=left_s)
        idle_left_s = None if self.idle_s is None else self.idle_s - 600.0
        left_s = (self.ends_at - datetime.now(timezone.utc)).total_seconds() if self.ends_at else None
        return {"expiry": {"left_s": left_s, "idle_left_s": idle_left_s, "unused_s": 600.0, "looked_s": 9.0}}


@contextmanager
def line(_record, _address):
    yield "line"


@pytest.fixture
def machine(session, monkeypatch):
    """A machine that was launched, eight hours from its end."""
    made = Machine()
    only_cloud(session.cloud, monkeypatch)
    monkeypatch.setattr(verbs, "connect_noted", line)
    monkeypatch.setattr(verbs, "call", made.call)
    session.up()
    session.cloud.calls.clear()
    return made


def stamped(session):
    (instance,) = session.cloud.instances(NAME)
    return instance.stamp.expires


def close(one, other):
    return one == other or abs(one - other) < CLOSE


def test_both_are_told_and_it_is_noted(session, machine):
    before = stamped(session)
    found = extend(NAME, 2 * HOUR)
    assert close(stamped(session), before + 2 * HOUR)
    assert close(machine.ends_at, before + 2 * HOUR)
    assert found.ends_itself
    assert close(found.before, before)
    assert close(found.ends_at, before + 2 * HOUR)
    assert found.cost_usd == pytest.approx(10, abs=0.1)
    assert close(record_of(NAME).expires, before + 2 * HOUR)


def test_from_now_and_for_ever(session, machine):
    extend(NAME, to=HOUR / 2)
    assert close(stamped(session), datetime.now(timezone.utc) + HOUR / 2)
    assert close(machine.ends_at, datetime.now(timezone.utc) + HOUR / 2)
    found = extend(NAME, to="none")
    assert (stamped(session), machine.ends_at, found.ends_at, found.cost_usd) == (None,) * 4


def test_how_long_it_may_be_unused_is_told_to_the_machine_alone(session, machine):
    before, noted = stamped(session), record_of(NAME)
    found = extend(NAME, idle=3 * HOUR)
    assert (machine.idle_s, machine.asked) == (10800.0, ["expiry", "extend"])
    assert close(found.idle_at, datetime.now(timezone.utc) + 3 * HOUR - HOUR / 6)
    assert (stamped(session), record_of(NAME)) == (before, noted)
    assert close(machine.ends_at, before)
    assert close(found.ends_at, before)
    assert "restamp" not in session.cloud.calls
    assert extend(NAME, idle="none").idle_at is None
    assert machine.idle_s is None


def test_both_ends_can_be_moved_at_once(session, machine):
    before = stamped(session)
    found = extend(NAME, 2 * HOUR, idle=2 * HOUR)
    assert (machine.idle_s, machine.asked) == (7200.0, ["expiry", "extend"])
    assert close(found.ends_at, before + 2 * HOUR)
    assert close(stamped(session), before + 2 * HOUR)


@pytest.mark.parametrize("lacks", ["timers", "its timer"])
def test_where_no_timer_runs_a_time_without_a_request_is_refused_and_nothing_else_is_done(
    session, machine, monkeypatch, lacks
):
    if lacks == "timers":
        monkeypatch.delattr(MemoryCloud, "ends_itself")
    machine.installed = False
    before = stamped(session)
    with pytest.raises(ConfigError, match="no limit of its time without a request") as caught:
        extend(NAME, 2 * HOUR, idle=2 * HOUR)
    assert "--to 2h" in caught.value.hint
    assert stamped(session) == before


@pytest.mark.parametrize("how", [{}, {"by": HOUR, "to": HOUR}])
def test_what_says_nothing_or_two_things_is_refused(session, machine, how):
    with pytest.raises(UsageError):
        extend(NAME, **how)
    assert machine.asked == []


@pytest.mark.parametrize("how", [{"by": 2 * HOUR}, {"to": HOUR / 2}, {"to": "none"}], ids=["later", "sooner", "never"])
@pytest.mark.parametrize("place", ["before the machine", "after the machine", "before the cloud", "after the cloud"])
def test_killed_anywhere_its_cloud_never_says_later_than_it_does_and_the_same_again_does_the_rest(
    session, machine, monkeypatch, how, place
):
    before = stamped(session)
    when, _, whom = place.split()
    where, name = (verbs, "call") if whom == "machine" else (session.cloud, "restamp")
    real = getattr(where, name)

    def dies(*words, **more):
        if whom == "machine" and words[1] == "expiry":
            return real(*words, **more)
        if when == "after":
            real(*words, **more)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(where, name, dies)
        with pytest.raises(Killed):
            extend(NAME, **how)
    assert machine.ends_at is None or stamped(session) <= machine.ends_at + CLOSE
    if place == "after the cloud" and "by" in how:
        return  # All of it was done but for the last word, and once more would be two hours more.
    extend(NAME, **how)
    target = before + how["by"] if "by" in how else _from_now(how["to"])
    assert close(stamped(session), target)
    assert close(machine.ends_at, target)


def _from_now(to):
    return None if to == "none" else datetime.now(timezone.utc) + to


def test_a_machine_that_is_not_reached_is_told_nothing_and_neither_is_its_cloud(session, machine):
    before, machine.away = stamped(session), True
    with pytest.raises(UnreachableError):
        extend(NAME, 2 * HOUR)
    assert stamped(session) == before


def test_where_what_ends_it_is_missing_its_cloud_is_told_and_the_user_too(session, machine):
    before, machine.installed = stamped(session), False
    found = extend(NAME, 2 * HOUR, listener=session.events.append)
    assert close(stamped(session), before + 2 * HOUR)
    assert (found.ends_itself, found.idle_at) == (False, None)
    assert "does not end itself; only its cloud is told" in session.notices()
    assert machine.asked == ["expiry"]


def test_a_cloud_whose_machines_do_not_end_themselves_is_told_alone(session, machine, monkeypatch):
    monkeypatch.delattr(MemoryCloud, "ends_itself")
    before = stamped(session)
    assert not extend(NAME, 2 * HOUR).ends_itself
    assert close(stamped(session), before + 2 * HOUR)
    assert machine.asked == []


def test_one_whose_time_is_over_and_is_still_there_counts_from_now(session, machine, monkeypatch):
    monkeypatch.delattr(MemoryCloud, "ends_itself")
    (instance,) = session.cloud.instances(NAME)
    past = datetime.now(timezone.utc) - 5 * HOUR
    session.cloud.restamp(instance, instance.stamp.model_copy(update={"expires": past}))
    extend(NAME, 2 * HOUR)
    assert close(stamped(session), datetime.now(timezone.utc) + 2 * HOUR)


def test_what_has_no_end_cannot_end_later(session, machine):
    extend(NAME, to="none")
    with pytest.raises(ConfigError, match="no time limit that could be later") as caught:
        extend(NAME, 2 * HOUR)
    assert "--to 8h" in caught.value.hint


def test_a_machine_of_ones_own_and_no_machine(session, machine):
    with pytest.raises(NotDeployedError):
        extend("other", 2 * HOUR)
    NodesRecord(name="mine", provider="ssh", nodes=(NodeAddress(host="gpu1"),)).save()
    with pytest.raises(ConfigError, match="a machine of yours"):
        extend("mine", 2 * HOUR)


def test_one_that_has_ended_itself(session, machine):
    session.down()
    with pytest.raises(NotDeployedError):
        extend(NAME, 2 * HOUR)
