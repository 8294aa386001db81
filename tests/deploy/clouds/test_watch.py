"""A deployment that is kept alive, on a cloud in memory: what is ordered again, and what is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import pytest
from deploy.clouds.calls import NAME
from emulators.memory import offer

from zephyr_deploy.deploy.clouds import watch
from zephyr_deploy.deploy.clouds.choosing import wanted
from zephyr_deploy.deploy.clouds.keep import AGAIN_S, BORNE, PAUSES_S
from zephyr_deploy.deploy.clouds.watch import LOOK_S, Watch
from zephyr_deploy.errors import (
    AuthError,
    ConfigError,
    ConflictError,
    CreditError,
    DeadlineError,
    EngineFailedError,
    GoneError,
    HostKeyError,
    LockedError,
    NoCapacityError,
    ThrottledError,
    UnhealthyError,
    UnreachableError,
)
from zephyr_deploy.events import Phases
from zephyr_deploy.paths import deployment_dir
from zephyr_deploy.providers.machines import Ending
from zephyr_deploy.spec.deployment import Cost, Deployment, Machine

HOUR = timedelta(hours=1)
SPOT, FIXED = offer(price=0.4, spot=True), offer(price=1.0)


@dataclass
class Kept:
    """One that is up and watched; at each look after the first, what a test has put into ``then`` happens."""

    session: object
    deployment: Deployment
    then: list = field(default_factory=list)
    taken_back: bool = False
    late: timedelta = timedelta()
    slept: list = field(default_factory=list)
    wishes: list = field(default_factory=list)
    fails: list = field(default_factory=list)
    """What the next calls of `up` raise, once they have a machine if ``made``."""
    made: bool = False

    def up(self, deployment=None):
        kind = deployment or self.deployment
        return self.session.up(wanted=lambda: wanted(self.session.cloud, kind))

    def again(self, deployment):
        self.wishes.append(deployment)
        if self.made or not self.fails:
            self.up(deployment)
        if self.fails:
            raise self.fails.pop(0)

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.late += timedelta(seconds=seconds)
        self.then.pop(0)()

    def now(self):
        return datetime.now(timezone.utc) + self.late

    def ending(self, _cloud, _instance):
        return Ending(at=None, idle_at=None, unused_s=0, looked_s=1, taken_back=self.taken_back)

    def run(self, *then):
        self.then = list(then)
        cloud = self.session.cloud
        Watch(
            cloud, self.deployment, Phases(self.session.events.append), self.again, sleep=self.sleep, now=self.now
        ).run()

    @property
    def said(self):
        return self.session.notices()

    @property
    def there(self):
        return [one for one in self.session.cloud.instances(NAME) if one.state != "stopping"]

    def notice(self):
        self.taken_back = True

    def take(self):
        """What a cloud does two minutes after its notice."""
        self.taken_back = False
        self.session.cloud.paper.delete(self.there[0].id)

    def down(self):
        self.session.down()
        (deployment_dir(NAME) / "nodes.json").unlink()

    def ctrl_c(self):
        raise KeyboardInterrupt


@pytest.fixture
def kept(session, monkeypatch):
    session.cloud.sold = [FIXED, SPOT]
    machine = Machine(gpu="a10g", spot=True)
    made = Kept(session, Deployment(name=NAME, provider="aws", machine=machine, cost=Cost(ttl="8h")))
    monkeypatch.setattr(watch, "ending_of", made.ending)
    made.up()
    return made


def nothing():
    """Nothing happens before the next look."""


def test_one_that_is_taken_back_is_replaced_by_one_of_its_kind_and_nobody_is_asked(kept):
    (first,) = kept.there
    with pytest.raises(KeyboardInterrupt):
        kept.run(nothing, kept.notice, kept.take, nothing, kept.ctrl_c)
    (second,) = kept.there
    assert second.id != first.id
    assert (first.spot, second.spot) == (True, True)
    assert "aws takes machine i-1 back" in kept.said
    assert "demo is served again" in kept.said
    assert set(kept.slept) == {LOOK_S}


def test_ctrl_c_leaves_it_and_says_how_it_is_taken_down(kept):
    with pytest.raises(KeyboardInterrupt):
        kept.run(kept.ctrl_c)
    assert len(kept.there) == 1
    assert "demo goes on, for $0.40 an hour until " in kept.said
    assert "take it down with: zephyr-deploy down demo" in kept.said


def test_where_none_that_is_interruptible_is_to_be_had_another_comes_in_its_place(kept):
    def take():
        kept.take()
        kept.session.cloud.fails["create"] = [NoCapacityError("none"), NoCapacityError("none")]

    with pytest.raises(KeyboardInterrupt):
        kept.run(kept.notice, take, kept.ctrl_c)
    assert [one.spot for one in kept.there] == [False]


def test_where_none_at_all_is_to_be_had_it_is_asked_for_again(kept):
    def take():
        kept.take()
        kept.session.cloud.fails["create"] = [NoCapacityError("none")] * 4

    with pytest.raises(KeyboardInterrupt):
        kept.run(take, nothing, kept.ctrl_c)
    assert kept.slept == [LOOK_S, AGAIN_S, LOOK_S]
    assert "tried again in 2 minutes" in kept.said
    assert len(kept.there) == 1


def test_all_of_them_together_live_no_longer_than_the_first_would(kept):
    def take():
        kept.late += 3 * HOUR
        kept.take()

    with pytest.raises(KeyboardInterrupt):
        kept.run(take, kept.ctrl_c)
    (wish,) = kept.wishes
    assert abs(wish.cost.ttl - 5 * HOUR) < timedelta(minutes=1)


def test_one_whose_end_was_moved_hands_it_on(kept):
    def extend():
        (there,) = kept.there
        later = there.stamp.model_copy(update={"expires": there.stamp.expires + 2 * HOUR})
        kept.session.cloud.restamp(there, later)

    with pytest.raises(KeyboardInterrupt):
        kept.run(extend, nothing, kept.take, kept.ctrl_c)
    assert abs(kept.wishes[0].cost.ttl - 10 * HOUR) < timedelta(minutes=2)


def test_all_of_them_together_cost_no_more_than_the_budget(kept):
    kept.session.down()
    kept.deployment = kept.deployment.model_copy(update={"cost": Cost(ttl="none", budget_usd=2)})
    kept.up()

    def take():
        kept.late += 2 * HOUR
        kept.take()

    with pytest.raises(KeyboardInterrupt):
        kept.run(take, kept.ctrl_c)
    (wish,) = kept.wishes
    assert float(wish.cost.budget_usd) == pytest.approx(2 - 2 * 0.4, abs=0.01)


@pytest.mark.parametrize("late", [7.9 * HOUR, 9 * HOUR])
def test_what_is_left_is_too_little(kept, late):
    def take():
        kept.notice()
        kept.session.cloud.get, get = (
            lambda one: get(one).model_copy(update={"ended": "taken-back"}),
            kept.session.cloud.get,
        )
        kept.late += late
        kept.session.cloud.paper.delete("i-1")

    kept.run(take)
    assert kept.wishes == []
    assert "demo is not replaced: what is left of its time or its budget" in kept.said


def test_one_whose_time_is_over_ends_the_watch(kept):
    def over():
        kept.late += 8 * HOUR
        kept.take()

    kept.run(over)
    assert "has ended itself, for its time was over" in kept.said
    assert kept.there == []


def test_one_that_is_taken_down_from_another_terminal_ends_the_watch(kept):
    kept.run(kept.down)
    assert "was taken down by somebody" in kept.said
    assert kept.session.cloud.resources() == []


def test_a_cloud_that_does_not_answer_does_not_end_the_watch(kept):
    def silent():
        kept.session.cloud.get, get = refuse, kept.session.cloud.get
        kept.then.insert(0, lambda: setattr(kept.session.cloud, "get", get))

    def refuse(_instance):
        raise UnreachableError("no network")

    with pytest.raises(KeyboardInterrupt):
        kept.run(silent, nothing, kept.ctrl_c)
    assert "aws cannot be asked now, and is again: no network" in kept.said


PASSING = [
    UnreachableError("no network"),
    ThrottledError("slow down"),
    DeadlineError("waited 1200 s"),
    GoneError("aws lists no machine"),
    UnhealthyError("machine i-2 is gone instead of running"),
    LockedError("somebody is at work"),
]
LASTING = [
    AuthError("expired"),
    CreditError("no credit"),
    ConfigError("nobody knows such a GPU"),
    ConflictError("there are two"),
    HostKeyError("another key"),
    EngineFailedError("it did not start"),
]


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize("error", PASSING, ids=lambda error: error.code)
def test_what_passes_by_itself_is_tried_again_and_makes_no_second_machine(kept, error, made):
    kept.fails, kept.made = [error, error], made
    with pytest.raises(KeyboardInterrupt):
        kept.run(kept.take, nothing, nothing, kept.ctrl_c)
    assert kept.slept == [LOOK_S, *PAUSES_S[:2], LOOK_S]
    assert f"{error.message}\n  It is tried again in 15 s, until Ctrl-C." in kept.said
    assert len(kept.there) == 1
    assert len(kept.session.cloud.there) == 2


@pytest.mark.parametrize("error", LASTING, ids=lambda error: type(error).__name__)
def test_what_its_user_has_to_put_right_ends_the_watch(kept, error):
    kept.fails = [error]
    with pytest.raises(type(error)):
        kept.run(kept.take)
    assert kept.slept == [LOOK_S]


def test_trouble_that_lasts_ends_the_watch(kept):
    kept.fails = [UnreachableError("no network")] * 99
    with pytest.raises(UnreachableError):
        kept.run(kept.take, *[nothing] * 99)
    assert kept.slept[: len(PAUSES_S) + 2] == [LOOK_S, *PAUSES_S, PAUSES_S[-1]]
    assert BORNE.total_seconds() < sum(kept.slept[1:]) < BORNE.total_seconds() + PAUSES_S[-1] + 1


def test_a_cloud_that_has_no_machine_has_answered_and_trouble_is_borne_anew(kept):
    trouble, none = [UnreachableError("no network")] * 12, [NoCapacityError("none")]
    kept.fails = [*trouble, *none, *trouble]
    with pytest.raises(KeyboardInterrupt):
        kept.run(kept.take, *[nothing] * 25, kept.ctrl_c)
    assert len(kept.there) == 1


def test_a_replacement_that_is_gone_at_once_is_replaced(kept):
    up, kept.up = kept.up, lambda deployment: (up(deployment), len(kept.wishes) == 1 and kept.take())
    with pytest.raises(KeyboardInterrupt):
        kept.run(kept.take, nothing, kept.ctrl_c)
    assert "the new machine of demo is gone again" in kept.said
    assert len(kept.there) == 1


def test_one_that_is_taken_down_while_another_one_is_asked_for_is_not_ordered_after_that(kept):
    kept.fails = [NoCapacityError("none")]
    kept.run(kept.take, kept.down)
    assert len(kept.wishes) == 1
    assert "demo was taken down by somebody; it is not replaced" in kept.said
    assert kept.session.cloud.resources() == []


def test_a_cloud_that_cannot_be_asked_as_the_watch_begins_is_asked_again(kept):
    kept.session.cloud.fails["instances"] = [ThrottledError("slow down")]
    with pytest.raises(KeyboardInterrupt):
        kept.run(nothing, kept.ctrl_c)
    assert kept.slept == [PAUSES_S[0], LOOK_S]
