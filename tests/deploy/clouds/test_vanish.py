from __future__ import annotations

import time

import pytest
from deploy.clouds.calls import NAME

from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.spent import cost_of_machines
from zephyr_deploy.errors import AmbiguousError, AuthError, LeftoversError, ThrottledError


class Killed(BaseException):
    """What ends a process here."""


def test_everything_goes_and_is_on_the_receipt(session):
    session.up()
    gone = session.down()
    assert [thing.kind for thing in gone] == ["instance", "security-group", "key"]
    assert session.cloud.resources() == []
    assert cost_of_machines(gone) < 0.01
    assert session.down() == []


def test_what_is_in_use_goes_once_the_machine_is_gone(session):
    session.up()
    session.cloud.ending_s = 0.2
    session.down()
    assert session.cloud.resources() == []
    deleted = [e.facts["kind"] for e in Journal(NAME).entries() if (e.step, e.stage) == ("delete", "intent")]
    assert deleted == ["instance", "security-group", "key"]


@pytest.mark.parametrize("error", [AmbiguousError("no answer"), ThrottledError("slow down")])
@pytest.mark.parametrize("when", ["fails", "lost"])
def test_a_deletion_that_may_have_failed_is_looked_at_and_repeated(session, error, when):
    session.up()
    getattr(session.cloud, when)["delete"] = [error]
    session.down()
    assert session.cloud.resources() == []


def test_what_does_not_go_is_named_with_its_place(session):
    session.up()
    session.cloud.ending_s = 60.0
    with pytest.raises(LeftoversError, match=r"instance i-1 \(aws here\)") as caught:
        session.down(gone_s=0.1)
    assert "down demo" in caught.value.hint
    assert caught.value.details["left"][0]["id"] == "i-1"


def test_wrong_credentials_end_it(session):
    session.up()
    session.cloud.fails["delete"] = [AuthError("expired")]
    with pytest.raises(AuthError):
        session.down()


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("when", ["fails", "lost"])
def test_a_kill_around_the_order_leaves_nothing_after_down(session, repeatable, when):
    session.cloud.repeatable = repeatable
    session.cloud.lag_s = 0.1
    getattr(session.cloud, when)["create"] = [Killed()]
    with pytest.raises(Killed):
        session.up()
    session.down()
    assert [i for i in session.cloud.there.values() if session.cloud.get(i).state != "gone"] == []
    assert session.cloud.resources() == []
    assert Journal(NAME).unfinished() == []


def test_another_deployment_stays(session):
    session.up()
    other = session.cloud.there["i-1"].stamp.model_copy(update={"deployment": "other"})
    session.cloud.others["key", "key-other"] = session.cloud._resource("key", "key-other", other)
    session.down()
    assert [thing.id for thing in session.cloud.resources()] == ["key-other"]


def test_what_was_made_last_is_waited_for_until_a_list_has_it(session):
    """A kill right after the order was carried out: the journal has the machine, no list has it yet."""
    session.cloud.lag_s = 0.2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session.cloud, "get", lambda _instance: raise_(Killed()))
        with pytest.raises(Killed):
            session.up()
    assert sorted(thing.kind for thing in session.down()) == ["instance", "key", "security-group"]
    assert session.cloud.resources() == []


@pytest.mark.parametrize("when", ["fails", "lost"])
@pytest.mark.parametrize("error", [Killed(), AuthError("expired")])
def test_what_gave_way_and_was_perhaps_not_deleted_is_waited_for(session, when, error):
    """The younger of two machines, which no list has yet: that its deletion was begun does not say that it is gone."""
    create = session.cloud.create

    def both(order):
        create(order.model_copy(update={"stamp": order.stamp.model_copy(update={"run": "e" * 8}), "token": "other"}))
        session.cloud.lag_s = 0.2
        return create(order)

    session.cloud.create = both
    getattr(session.cloud, when)["delete"] = [error]
    with pytest.raises(type(error)):
        session.up()
    session.cloud.lag_s = 0.0
    session.down()
    assert [i.id for i in session.cloud.there.values() if session.cloud.get(i).state != "gone"] == []


def test_what_was_begun_before_a_kill_is_waited_for_and_not_for_ever(session, quick):
    Journal(NAME).intend("security-group", name="g")
    began = time.monotonic()
    assert session.down() == []
    assert time.monotonic() - began >= session.cloud.settle_s - 0.05
    began = time.monotonic()
    assert session.down() == []
    assert time.monotonic() - began < session.cloud.settle_s


def test_what_was_seen_refused_or_deleted_is_not_waited_for(session):
    session.cloud.settle_s = 60.0
    journal = Journal(NAME)
    journal.intend("key", name="k")
    journal.done("key", name="k", id="1")
    journal.intend("delete", kind="key", id="1")
    journal.done("delete", kind="key", id="1")
    journal.intend("security-group", name="g")
    journal.failed("security-group", name="g", cause="refused")
    session.up()
    assert len(session.down()) == 3


def raise_(error):
    raise error
