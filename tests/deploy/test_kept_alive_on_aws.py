"""`up --spot --keep-alive`, with real machines behind AWS's API: one is taken back, and another serves in its place."""

from __future__ import annotations

import functools
import time

import pytest
from emulators.aws.lifecycle import take_back

from zephyr_deploy import down, status
from zephyr_deploy.deploy.clouds import watch

NAME = "zephyr"
COMMAND = ("up", "--provider", "aws", "--gpu", "a10g", "--spot", "--keep-alive", "--yes")


@pytest.mark.long
@pytest.mark.timeout(600, func_only=True)
def test_another_one_serves_in_its_place_until_it_is_taken_down(both, laptop, monkeypatch):
    account, seen = both.aws.account, []

    def between_looks(_seconds):
        there, how = dict(account.launched), status(NAME)
        seen.append((tuple(there), how.state, how.service and how.service.api_key))
        if len(seen) == 1:
            ((machine, region),) = there.items()
            account.ending_s = 5.0  # nobody waits for that
            take_back(account, region, machine)
        elif how.state == "ready":
            down(NAME)
        time.sleep(0.2)

    monkeypatch.setattr(watch, "Watch", functools.partial(watch.Watch, sleep=between_looks))
    out, err = laptop("first").type(*COMMAND)
    assert "ready" in out
    (first, ready, key), (second, again, same) = seen[0], seen[-1]
    assert (ready, again, key) == ("ready", "ready", same)
    (second,) = set(second) - set(first)
    assert f"machine {first[0]} is stopping: aws took it back" in err
    assert f"machine {second} was taken down by somebody" in err
    assert both.left() == []
    orders = [call for call in both.aws.wire.actions() if call == "ec2:RunInstances"]
    assert len(orders) == 2
