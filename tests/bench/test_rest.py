from __future__ import annotations

import gc
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from zephyr_deploy.bench.rest import at_rest


def test_the_collector_rests_and_goes_on_even_after_a_failure():
    with suppress(KeyError), at_rest():
        resting = not gc.isenabled()
        raise KeyError
    assert resting
    assert gc.isenabled()


def test_what_was_off_stays_off():
    gc.disable()
    try:
        with at_rest():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_goes_before_others_where_it_may_and_is_as_ordinary_as_ever_afterwards():
    with suppress(KeyError), at_rest():
        inside = os.sched_getscheduler(0)
        with ThreadPoolExecutor(1) as threads:
            child = threads.submit(os.sched_getscheduler, 0).result()
        raise KeyError
    assert inside in {os.SCHED_OTHER, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK}
    assert (child, os.sched_getscheduler(0)) == (os.SCHED_OTHER, os.SCHED_OTHER)
