"""What is made of each look at a machine that is kept: by every way in which one can end."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from zephyr_deploy.deploy.clouds.keep import Keep, Sight, left_of
from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.types import Instance
from zephyr_deploy.providers.machines import Ending
from zephyr_deploy.spec.deployment import Cost

NOW = datetime(2026, 11, 26, 14, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def machine(state="running", expires=NOW + 5 * HOUR, *, spot=True, ended=None):
    stamp = Stamp(deployment="demo", run="0" * 8, expires=expires)
    given = {"provider": "aws", "id": "i-1", "region": "here", "machine_type": "g5.xlarge", "user": "ubuntu"}
    return Instance(**given, state=state, spot=spot, ended=ended, stamp=stamp)


def says(*, taken_back=False, idle_at=NOW + HOUR):
    at = NOW + timedelta(minutes=2) if taken_back else None
    return Ending(
        at=NOW + 5 * HOUR, idle_at=idle_at, unused_s=0.0, looked_s=1.0, taken_back=taken_back, taken_back_at=at
    )


def seen(*sights, now=NOW, first=None):
    """The last verdict."""
    keep = Keep(first or machine())
    return [keep.see(sight, now) for sight in sights][-1]


def gone(**how):
    noted = how.pop("noted", True)
    return Sight(machine("gone", **how), noted=noted)


def test_a_machine_that_is_there_is_watched_in_silence():
    for state in ("starting", "running", "stopping"):
        assert seen(Sight(machine(state))) == ("watch", "")
    assert seen(Sight(machine(), says())) == ("watch", "")


def test_a_notice_is_told_once_and_the_machine_replaced_once_it_is_gone():
    keep = Keep(machine())
    notice = Sight(machine(), says(taken_back=True))
    then, said = keep.see(notice, NOW)
    assert then == "watch"
    assert said.startswith("aws takes machine i-1 back at 14:03 UTC: it takes no new request")
    assert keep.see(notice, NOW) == ("watch", "")
    assert keep.see(Sight(machine("stopping")), NOW) == ("watch", "")
    assert keep.see(gone(), NOW).then == "again"


@pytest.mark.parametrize(("ended", "then"), [("taken-back", "again"), ("deleted", "watch"), (None, "watch")])
def test_one_that_ends_is_not_waited_for_where_its_cloud_says_that_it_takes_it(ended, then):
    assert seen(Sight(machine(), says(taken_back=True)), Sight(machine("stopping", ended=ended))).then == then


@pytest.mark.parametrize(
    ("ended", "then", "words"),
    [
        ("taken-back", "again", "aws took it back"),
        ("deleted", "end", "was taken down by somebody"),
        ("by-itself", "end", "has ended itself, for nobody used it"),
    ],
)
def test_the_clouds_word_comes_first(ended, then, words):
    verdict = seen(Sight(machine(), says(taken_back=True)), gone(ended=ended))
    assert verdict.then == then
    assert words in verdict.say


def test_one_that_was_taken_down_from_here_is_not_made_again():
    assert seen(gone(noted=False)).then == "end"


def test_one_whose_time_was_over_is_not_made_again():
    verdict = seen(gone(expires=NOW + timedelta(minutes=1)))
    assert verdict == ("end", "machine i-1 has ended itself, for its time was over; it is not replaced")


def test_one_that_nobody_used_is_not_made_again():
    verdict = seen(Sight(machine(), says(idle_at=NOW)), gone())
    assert verdict == ("end", "machine i-1 has ended itself, for nobody used it; it is not replaced")


def test_one_that_could_be_taken_back_was_where_nobody_says_why_it_is_gone():
    verdict = seen(gone())
    assert verdict.then == "again"
    assert "nobody says why" in verdict.say


def test_another_one_is_not_made_again_where_nobody_says_why_it_is_gone():
    verdict = seen(gone(spot=False))
    assert verdict.then == "end"
    assert "nobody says why" in verdict.say


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_one_that_was_switched_off_is_left_to_its_user(state):
    verdict = seen(Sight(machine(state)))
    assert verdict.then == "end"
    assert "zephyr-deploy down demo takes it away" in verdict.say


def test_a_cloud_that_cannot_be_asked_is_told_of_once():
    keep = Keep(machine())
    assert keep.see(Sight(None, trouble="no network"), NOW) == (
        "watch",
        "aws cannot be asked now, and is again: no network",
    )
    assert keep.see(Sight(None, trouble="no network"), NOW).say == ""
    keep.see(Sight(machine()), NOW)
    assert "no network" in keep.see(Sight(None, trouble="no network"), NOW).say


def test_whether_its_end_was_moved_is_kept():
    keep = Keep(machine())
    keep.see(Sight(machine()), NOW)
    assert not keep.moved
    keep.see(Sight(machine(expires=None)), NOW)
    assert keep.moved


class TestWhatIsLeft:
    def test_time_counts_from_the_first_launch(self):
        left = left_of(Cost(ttl="8h"), NOW + 3 * HOUR, 0.0, NOW)
        assert left.ttl == 3 * HOUR

    def test_what_was_spent_is_taken_off_the_budget(self):
        left = left_of(Cost(ttl="none", budget_usd=6), None, 2.25, NOW)
        assert (left.ttl, left.budget_usd) == (None, Decimal("3.7500"))

    def test_the_rest_of_the_wish_stays(self):
        left = left_of(Cost(idle="20m", max_hourly_usd=2), None, 9.0, NOW)
        assert (left.idle, left.max_hourly_usd, left.budget_usd) == (HOUR / 3, 2, None)

    @pytest.mark.parametrize(
        ("until", "spent", "budget"), [(NOW + HOUR / 5, 0.0, None), (NOW - HOUR, 0.0, None), (None, 6.0, 6)]
    )
    def test_too_little_is_nothing(self, until, spent, budget):
        assert left_of(Cost(budget_usd=budget), until, spent, NOW) is None
