"""docs/guides/rehearse.md, followed with `make emulators` running: what it prints is what the page shows.

``RECORD_GUIDE=1 pytest tests/docs/test_rehearse_guide.py`` writes the page anew.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from docs.recording import ROOT, in_order, same_or_recorded
from emulators.process import running

PAGE = ROOT / "docs" / "guides" / "rehearse.md"
IDS = re.compile(r"\b(i|vol|eni|sg|key|sir)-[0-9a-f]{8,}\b")
ADDRESS = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b(?!/)")
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def shown(printed, home):
    """With names that stay: those of a run say nothing to a reader."""
    printed = IDS.sub(r"\1-0123456789abcdef0", FINGERPRINT.sub("FINGERPRINT", printed))
    printed = re.sub(r"(?<!//)" + ADDRESS.pattern, lambda found: _address(found[0]), printed)
    printed = printed.replace(str(home / "state"), "~/.local/state/zephyr-deploy")
    return "\n".join(in_order(line.rstrip() for line in printed.splitlines() if not line.startswith("... ")))


def _address(found):
    return "203.0.113.10" if found.startswith(("10.", "172.", "192.")) else found


@pytest.mark.long
@pytest.mark.engine
@pytest.mark.timeout(600, func_only=True)
def test_every_command_prints_what_the_page_shows(quickstart, lab, home):
    steps = quickstart.steps(PAGE.read_text())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with running(home / "state"):
        played = [(step, shown(quickstart.play(step.command, home, path, ZEPHYR_PORT="8080"), home)) for step in steps]
    same_or_recorded(quickstart, PAGE, played)
    assert len(played) == 6
