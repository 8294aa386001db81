"""A CI's runner goes away in a gated `redeploy`: killed in every phase, cancelled. The next run converges.

Each has a state folder of its own, as a fresh checkout has: nothing but the node knows of the one before.
"""

from __future__ import annotations

import signal
import time

import pytest
from chaos.nodes.laptop import LONG_S, NAME, answers, forget_weights, lock_is_free, wait_until

from zephyr_deploy import services
from zephyr_deploy.deploy.audit import audit
from zephyr_deploy.deploy.lock_held import release, show
from zephyr_deploy.deploy.redeploy import redeploy, releases
from zephyr_deploy.deploy.status import status
from zephyr_deploy.errors import GateError
from zephyr_deploy.spec.deployment import Gate

BRIEF = {"concurrency": (2,), "requests": 8, "max_new_tokens": 4, "prompt_tokens": 16}
PASSES, FAILS = (
    Gate(fail_if=("errors>0",), smoke=True, **BRIEF),
    Gate(fail_if=("ttft_p50>0.1ms",), smoke=False, **BRIEF),
)
ELSEWHERE = ("before look", "after look", "before weights", "before image", "before gateway")
"""Before the switch; `chaos.nodes.test_killed` has one killed in each of these without a gate, too."""
GATED = ("before ready", "after ready", "before smoke", "before measure")
KILLED = ["after measure", *(pytest.param(one, marks=pytest.mark.long) for one in (*ELSEWHERE, *GATED))]
BACK = [
    pytest.param(one, marks=pytest.mark.long)
    for one in ("after measure", "before drain#2", "before ready#2", "after ready#2")
]
"""On the way back from a release that did not pass: the second time, the old one is started."""
WAIT_S = 120.0
TOKENS = iter(range(1100, 2000, 8))
"""Each test brings a release of its own."""


@pytest.fixture
def served(laptop):
    """What serves before the test."""
    return laptop.served()


def next_run(laptop, wish):
    """Another runner's `redeploy`, which waits for what the first one may have left at work."""
    return redeploy(wish, laptop.options(lock_wait_s=WAIT_S))


@pytest.mark.parametrize("moment", KILLED)
def test_killed_in_any_phase_the_next_run_converges(laptop, served, tmp_path, moment):
    wish = laptop.wish(next(TOKENS), gate=PASSES)
    laptop.killed("redeploy", moment, wish, home=tmp_path / "runner")
    assert answers(laptop)
    result = next_run(laptop, wish)
    assert result.gate.passed
    assert result.release != served
    laptop.assert_serves(result.release)
    assert [machine.trial for machine in status(NAME).machines] == [None]
    assert [(entry.event, entry.release) for entry in releases(NAME)[:1]] == [("passed", result.release)]
    assert show(NAME).holders == ()
    assert audit(NAME)[0][-1].result == "changed"


@pytest.mark.parametrize("moment", BACK)
def test_killed_on_the_way_back_the_old_release_serves_in_the_end(laptop, served, tmp_path, moment):
    wish = laptop.wish(next(TOKENS), gate=FAILS)
    laptop.killed("redeploy", moment, wish, home=tmp_path / "runner")
    assert answers(laptop)
    with pytest.raises(GateError, match=f"Release {served} serves again"):
        next_run(laptop, wish)
    laptop.assert_serves(served)
    assert show(NAME).holders == ()
    assert audit(NAME)[0][-1].result == "rolled_back"


def test_a_cancelled_run_leaves_at_once_and_nothing_is_changed_before_its_switch(laptop, served):
    """SIGTERM, as a CI sends it; the whole program takes it as Ctrl-C."""
    forget_weights(laptop.node)
    with laptop.node.fault("hub", path="/cdn/", rate=2_000_000):
        process = laptop.run(["-m", "zephyr_deploy", "redeploy", NAME, "--max-total-tokens", str(next(TOKENS))])
        wait_until(lambda: [one.of for one in show(NAME).holders] == ["run", "call"])
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LONG_S)
        assert time.monotonic() - began < LONG_S
        assert process.returncode == 130
        wait_until(lambda: show(NAME).holders == () and lock_is_free(laptop.node), LONG_S)
    assert [(service.state, service.release) for service in services(NAME)] == [("ready", served)]
    assert audit(NAME)[0][-1].result == "interrupted"
    laptop.assert_serves(served)


@pytest.mark.long
def test_a_run_whose_lock_is_let_go_by_force_is_stopped_and_told(laptop, served):
    forget_weights(laptop.node)
    with laptop.node.fault("hub", path="/cdn/", rate=2_000_000):
        process = laptop.run(["-m", "zephyr_deploy", "redeploy", NAME, "--max-total-tokens", str(next(TOKENS))])
        wait_until(lambda: [one.of for one in show(NAME).holders] == ["run", "call"])
        assert release(NAME, force=True).released
        _out, said = process.communicate(timeout=LONG_S)
    assert (process.returncode, "was let go by force, by " in said) == (9, True), said
    wait_until(lambda: lock_is_free(laptop.node), LONG_S)
    assert [entry.command for entry in audit(NAME)[0][-2:]] == ["redeploy", "lock release"]
    laptop.assert_serves(served)
