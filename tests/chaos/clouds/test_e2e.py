"""The crash sweep on E2E Networks; see `chaos.clouds.sweep`.

Its API has no word for throttling (429 is a quota), so that way to fail is left out.
"""

from __future__ import annotations

import pytest
from chaos.clouds.sweep import PARTS, Sweep, parts
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


@pytest.mark.timeout(400)
@pytest.mark.parametrize("part", parts())
def test_nothing_leaks_and_nothing_doubles(emulator, tmp_path, counted, part):
    with Sweep("e2e", emulator, "l4", tmp_path) as sweep:
        tally = PARTS[part](sweep, FAULTS)
    counted(f"e2e, {part}", tally)
    assert tally.failures == []
