from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from zephyr_deploy.bench import priority
from zephyr_deploy.bench.priority import ahead

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a system allows is Linux's here")


def now():
    return os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK, os.getpriority(os.PRIO_PROCESS, 0)


def refused(*_arguments):
    raise PermissionError("not allowed")


@pytest.fixture
def allowed():
    with ahead() as found:
        pass
    if found != "realtime":
        pytest.skip("this user may not go ahead of others")


def test_goes_ahead_and_comes_back(allowed):
    import resource

    before, limit, handler = now(), resource.getrlimit(resource.RLIMIT_RTTIME), signal.getsignal(signal.SIGXCPU)
    with ahead() as found:
        assert (found, now()[0]) == ("realtime", os.SCHED_RR)
    assert now() == before
    assert resource.getrlimit(resource.RLIMIT_RTTIME) == limit
    assert signal.getsignal(signal.SIGXCPU) == handler


def test_what_it_begins_is_ordinary(allowed):
    with ahead():
        pid = os.fork()
        if pid == 0:
            os._exit(os.sched_getscheduler(0))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == os.SCHED_OTHER


def test_one_that_never_waits_becomes_ordinary(allowed, monkeypatch):
    monkeypatch.setattr(priority, "LONGEST_US", 20_000)
    deadline = time.monotonic() + 20
    with ahead():
        while now()[0] == os.SCHED_RR and time.monotonic() < deadline:
            pass
        assert now()[0] == os.SCHED_OTHER


def test_whom_a_limit_allows_it_comes_back(monkeypatch):
    """As Linux does without root: who is allowed it by ``ulimit -r`` may not take back what is to be reset on fork."""
    scheduler = [os.SCHED_OTHER]

    def change(_pid, policy, _parameter):
        if scheduler[-1] & os.SCHED_RESET_ON_FORK and not policy & os.SCHED_RESET_ON_FORK:
            raise PermissionError("not allowed")
        scheduler.append(policy)

    monkeypatch.setattr(os, "sched_setscheduler", change)
    with ahead() as found:
        assert (found, scheduler[-1]) == ("realtime", os.SCHED_RR | os.SCHED_RESET_ON_FORK)
    assert scheduler[-1] & ~os.SCHED_RESET_ON_FORK == os.SCHED_OTHER


def test_who_may_not_is_at_least_nicer(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "sched_setscheduler", refused)
    monkeypatch.setattr(os, "setpriority", lambda _which, _who, value: asked.append(value))
    monkeypatch.setattr(os, "getpriority", lambda _which, _who: 3)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with ahead() as found:
        assert (found, asked) == ("nice", [-10])
    assert asked == [-10, 3]


def test_who_may_nothing_is_ordinary(monkeypatch):
    monkeypatch.setattr(os, "sched_setscheduler", refused)
    monkeypatch.setattr(os, "setpriority", refused)
    before = now()
    with ahead() as found:
        assert (found, now()) == ("normal", before)


def test_it_can_be_left_out():
    before = now()
    with ahead(wanted=False) as found:
        assert (found, now()) == ("normal", before)
