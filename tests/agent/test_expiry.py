"""What a machine says of its end, and how that is moved."""

import pytest

from zephyr_deploy.agent import expire, expiry
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.expire import NOTHING, Now, Seen


@pytest.fixture
def turn(tmp_path, monkeypatch):
    """A machine with limits, and a clock that the test turns: each call is a look of the timer's."""
    clock = [100.0]
    monkeypatch.setattr(expiry, "ROOT", tmp_path)
    monkeypatch.setattr(expire, "clocks", lambda: Now("boot", clock[0], 1.7e9))
    expire.write(tmp_path / expire.LIMITS, {"ttl_s": 3600.0, "idle_s": 600.0, "grace_s": 300.0, "counters": ["n"]})

    def turn(seconds, seen=None):
        clock[0] += seconds
        if seen is not None:
            limits = expire.read(tmp_path / expire.LIMITS)
            return expire.tick(tmp_path, expire.clocks(), seen, limits)
        return None

    return turn


def ask():
    return expiry.expiry({}, None)["expiry"]


def test_before_the_first_look_it_knows_its_limits(turn):
    assert ask() == {"age_s": 0.0, "left_s": 3600.0, "idle_left_s": 900.0, "unused_s": 0.0, "looked_s": None}


def test_it_says_what_is_left_now_and_not_at_the_last_look(turn):
    turn(0, NOTHING)
    turn(60, Seen(at_work=False, totals={"18000": 1.0}, in_flight=False))
    turn(40)
    assert ask() == {"age_s": 100.0, "left_s": 3500.0, "idle_left_s": 560.0, "unused_s": 40.0, "looked_s": 40.0}


def test_it_is_moved_and_to_move_it_is_to_use_it(turn):
    turn(0, NOTHING)
    turn(800, NOTHING)
    found = expiry.extend({"left_s": 7200.0}, None)["expiry"]
    assert (found["left_s"], found["idle_left_s"], found["unused_s"]) == (7200.0, 900.0, 0.0)
    assert turn(899, NOTHING)[0] == 1.0
    assert ask()["left_s"] == 7200.0 - 899


def test_it_can_be_for_ever(turn):
    assert expiry.extend({"left_s": None}, None)["expiry"]["left_s"] is None
    assert turn(10**6, Seen(at_work=True, totals={}, in_flight=False))[0] > 0


def test_the_names_of_the_figures_stay(turn, tmp_path):
    expiry.extend({"left_s": 60}, None)
    assert expire.read(tmp_path / expire.LIMITS)["counters"] == ["n"]


def test_a_machine_of_somebodys_own_has_no_end(tmp_path, monkeypatch):
    monkeypatch.setattr(expiry, "ROOT", tmp_path)
    assert ask() is None
    with pytest.raises(NodeError, match="does not end itself"):
        expiry.extend({"left_s": 60}, None)
