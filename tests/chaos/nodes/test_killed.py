"""`up` and `redeploy` are killed with -9 in every phase; the same command, run again, converges."""

from __future__ import annotations

import pytest
from chaos.nodes.laptop import NAME, answers, forget_weights, lock_is_free, wait_until

from zephyr_deploy import services
from zephyr_deploy.errors import LockedError
from zephyr_deploy.spec.deployment import Engine

BEFORE = ["before connect", "before look", "before plan", "before resolve", "before weights", "before image"]
SWITCHING = ["before gateway", pytest.param("before ready", marks=pytest.mark.long), "after ready"]
"""Before ``ready``, the engine starts: `down` and `redeploy` meet that below in every run."""
REPLACING = [
    pytest.param("before drain", None, 1032, marks=pytest.mark.long),
    ("before ready", None, 1040),
    ("before drain", 0.4, 1048),
]
"""With that share of the memory for each, the new release starts beside the old one; else in its place."""
SLOW = {"path": "/cdn/", "rate": 2_000_000}
"""What is fetched is not here before a test has done what it wants meanwhile."""


def test_up_completes_what_was_killed_again_and_again_before_its_switch(laptop):
    forget_weights(laptop.node)
    with laptop.node.fault("hub", **SLOW):
        for moment in BEFORE:
            laptop.killed("up", moment, laptop.wish())
            wait_until(lambda: lock_is_free(laptop.node), 10)
    laptop.assert_serves(laptop.up().release)
    laptop.down()
    laptop.assert_nothing_left()


@pytest.mark.parametrize("moment", SWITCHING)
def test_up_completes_what_was_killed_in_its_switch(laptop, moment):
    heard = []
    laptop.killed("up", moment, laptop.wish())
    laptop.assert_serves(laptop.up(listener=heard.append).release)
    assert "An earlier run was cut off during apply" in str(heard)
    laptop.down()
    laptop.assert_nothing_left()


@pytest.mark.parametrize("moment", ["before image", "before ready"])
def test_down_takes_away_what_was_killed(laptop, moment):
    laptop.killed("up", moment, laptop.wish())
    laptop.down()
    laptop.assert_nothing_left()


def test_the_old_release_serves_until_the_switch_whatever_is_killed(laptop):
    old, wish = laptop.up(), laptop.wish(2048)
    forget_weights(laptop.node)
    with laptop.node.fault("hub", **SLOW):
        for moment in ["before look", "before weights"]:
            laptop.killed("redeploy", moment, wish)
            assert answers(laptop)
            wait_until(lambda: lock_is_free(laptop.node), 10)
        assert [(service.state, service.release) for service in services(NAME)] == [("ready", old.release)]
    laptop.assert_serves(laptop.redeploy(wish).release)


@pytest.mark.parametrize(("moment", "memory_fraction", "tokens"), REPLACING)
def test_redeploy_completes_what_was_killed_in_its_switch(laptop, moment, memory_fraction, tokens):
    old = laptop.served()
    wish = laptop.wish(tokens, engine=Engine(memory_fraction=memory_fraction))
    laptop.killed("redeploy", moment, wish)
    assert answers(laptop)
    result = laptop.redeploy(wish)
    assert result.release != old
    laptop.assert_serves(result.release)


def test_who_still_works_is_told_to_another_and_followed_by_the_same(laptop, monkeypatch, tmp_path):
    """What was killed in its switch goes on, here with an engine that loads for ever: only its own laptop ends it."""
    laptop.up()
    laptop.killed("redeploy", "before ready", laptop.failing("hang-load"))
    with monkeypatch.context() as patch:
        patch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
        with pytest.raises(LockedError, match=r"locked on the node by `redeploy` of .* UTC"):
            laptop.up(laptop.wish(4096))
    heard = []
    laptop.assert_serves(laptop.up(laptop.wish(4096), listener=heard.append).release)
    assert "An earlier `redeploy` from here was cut off and still works" in str(heard)
