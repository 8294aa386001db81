"""A gated `redeploy` that is killed with -9, or whose machine reboots, between its switch and its verdict."""

from __future__ import annotations

import pytest
from chaos.nodes.laptop import NAME, At, answers, wait_until

from zephyr_deploy.deploy.gate.verdict import RefusedError
from zephyr_deploy.deploy.redeploy import redeploy
from zephyr_deploy.deploy.status import status
from zephyr_deploy.spec.deployment import Engine, Gate

pytestmark = pytest.mark.long
GATE = Gate(
    fail_if=["ttft_p50>900ms"], smoke=False, concurrency=[2], requests=8, max_new_tokens=4, prompt_tokens=16
)  # fmt: skip
SLOW = {"LAB_DELAY_S": "1"}


@pytest.fixture
def slow(laptop):
    """What a push has made of it: a release that no gate lets pass."""
    return lambda tokens: laptop.wish(tokens, engine=Engine(env=SLOW), gate=GATE)


@pytest.mark.parametrize(("moment", "tokens"), [("before measure", 1056), ("after measure", 1064)])
def test_the_next_run_judges_what_a_killed_one_left_on_trial(laptop, slow, moment, tokens):
    old = laptop.served()
    laptop.killed("redeploy", moment, slow(tokens))
    assert answers(laptop)
    wait_until(lambda: status(NAME).machines[0].work == "", 90)
    assert status(NAME).machines[0].trial.before == old
    with pytest.raises(RefusedError, match=f"Release {old} serves again"):
        laptop.redeploy(slow(tokens))
    laptop.assert_serves(old)


def test_a_machine_that_reboots_while_it_is_measured_goes_back_when_it_is_there_again(laptop, slow):
    old = laptop.served()
    reboots = At("before measure", laptop.node.reboot)
    with pytest.raises(RefusedError, match=r"could not be measured|ttft_p50") as caught:
        redeploy(slow(1072), laptop.options(), reboots)
    assert reboots.met
    assert f"Release {old} serves again" in caught.value.message
    wait_until(lambda: status(NAME).state == "ready")
    laptop.assert_serves(old)
