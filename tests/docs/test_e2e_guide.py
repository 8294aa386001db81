"""docs/guides/e2e.md, followed on E2E's emulator with a real machine behind it: what it prints is what the page shows.

``RECORD_GUIDE=1 pytest tests/docs/test_e2e_guide.py`` writes the page anew.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from docs.recording import ROOT, in_order, same_or_recorded
from emulators.rehearsal import clouds

PAGE = ROOT / "docs" / "guides" / "e2e.md"
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
ADDRESS = re.compile(r"(?<![/.\d])(?:10|172|192)(?:\.\d{1,3}){3}\b")


def shown(printed, home):
    """With names that stay: those of a run say nothing to a reader."""
    printed = ADDRESS.sub("198.51.100.10", FINGERPRINT.sub("FINGERPRINT", printed))
    printed = printed.replace(str(home / "state"), "~/.local/state/zephyr-deploy")
    # What it met while it waited is the machine's affair.
    printed = re.sub(r"(Wait until it answers): .*", r"\1", printed)
    return "\n".join(in_order(line.rstrip() for line in printed.splitlines() if not line.startswith("... ")))


@pytest.mark.timeout(600, func_only=True)
def test_every_command_prints_what_the_page_shows(quickstart, lab, home, tmp_path_factory):
    steps = quickstart.steps(PAGE.read_text())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with clouds(lab, tmp_path_factory.mktemp("machines")) as both:
        names = ("HF_ENDPOINT", "NO_PROXY", "no_proxy", "ZEPHYR_ADDRESS_URL")
        env = {**{name: both.environment()[name] for name in names}, **both.e2e.environment(), "ZEPHYR_PORT": "8080"}
        played = [(step, shown(quickstart.play(step.command, home, path, **env), home)) for step in steps]
        assert both.left() == []
    same_or_recorded(quickstart, PAGE, played)
    assert len(played) == 9
