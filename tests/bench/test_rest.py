from __future__ import annotations

import gc
from contextlib import suppress

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
