"""The crash sweep on E2E Networks; see `chaos.clouds.sweep`.

Its API has no word for throttling (429 is a quota), so that way to fail is left out.
"""

from __future__ import annotations

import pytest
from chaos.clouds.sweep import Sweep
from emulators.e2e import E2eEmulator

FAULTS = {
    "answer lost": {"when": "after", "lost": True},
    "call lost": {"when": "before", "lost": True},
    "502": {"status": 502, "body": b"<html>Bad Gateway</html>", "headers": {"Content-Type": "text/html"}},
    "502 afterwards": {"when": "after", "status": 502, "body": b"", "headers": {"Content-Type": "text/html"}},
}


@pytest.fixture(scope="module")
def emulator():
    running = E2eEmulator()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def sweep(emulator, tmp_path):
    with Sweep("e2e", emulator, "l4", tmp_path) as made:
        yield made


@pytest.mark.timeout(400)
@pytest.mark.parametrize("part", ["kill_up", "kill_down"])
def test_killed_anywhere(sweep, counted, part):
    tally = getattr(sweep, part)()
    counted(f"e2e, {part}", tally)
    assert tally.failures == []


@pytest.mark.timeout(400)
def test_every_call_fails_in_every_way(sweep, counted):
    tally = sweep.fail_up(FAULTS)
    counted("e2e, every call of up fails", tally)
    assert tally.failures == []


@pytest.mark.timeout(400)
def test_killed_while_lists_lag(sweep, counted):
    tally = sweep.lag(0.3)
    counted("e2e, up killed while lists lag", tally)
    assert tally.failures == []
