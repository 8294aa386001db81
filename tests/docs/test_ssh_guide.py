"""docs/guides/ssh.md and vscode.md, followed on a real machine: what it prints is what the pages show.

``RECORD_GUIDE=1 pytest tests/docs/test_ssh_guide.py`` writes the pages anew.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from docs.recording import ROOT, in_order, record
from lab.cards import A100

GUIDES = ROOT / "docs" / "guides"
SSH, VSCODE = GUIDES / "ssh.md", GUIDES / "vscode.md"


class Session:
    """Types the page's commands for a real machine, and writes what comes back as the page has it."""

    def __init__(self, quickstart, lab, node, home):
        self.normal = quickstart.normal
        self._play = quickstart.play
        self._home = home
        self._env = {"HF_ENDPOINT": lab.hub_url, "ZEPHYR_PORT": "8080"}
        self._path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._names = {
            "gpu1": node.address,
            "~/.ssh/id_ed25519": str(node.key),
            "FINGERPRINT": node.host_key_fingerprint,
            "~/.local/state/zephyr-deploy": str(home / "state"),
            # ssh looks for its configuration where the user database says, and not in this home.
            "ssh zephyr-": f"ssh -F {home}/.ssh/config zephyr-",
        }

    def type(self, command):
        for shown, real in self._names.items():
            command = command.replace(shown, real)
        printed = self._play(command, self._home, self._path, **self._env)
        for shown, real in self._names.items():
            printed = printed.replace(real, shown)
        lines = [line.rstrip() for line in printed.splitlines() if not line.startswith("... ")]
        return "\n".join(in_order(lines))


def _whether_here(printed):
    """Whether the image was on the machine is the lab's affair."""
    printed = re.sub(r"^(done|unchanged) +(\S+ s  Image).*$", r"\2", printed, flags=re.MULTILINE)
    return re.sub(r"^(Image +\S+) +\w+$", r"\1", printed, flags=re.MULTILINE)


@pytest.fixture
def session(quickstart, lab, node_factory, home):
    return Session(quickstart, lab, node_factory(card=A100, preload=True), home)


def test_every_command_prints_what_the_pages_show(quickstart, session):
    """The one on VS Code is for the machine of the other, and so comes before that is left."""
    *before, last = [(SSH, step) for step in quickstart.steps(SSH.read_text())]
    order = [*before, *((VSCODE, step) for step in quickstart.steps(VSCODE.read_text())), last]
    played = [(page, step, session.type(step.command)) for page, step in order]
    if os.environ.get("RECORD_GUIDE"):
        for page, step, printed in played:
            record(page, step.command, printed)
        pytest.skip("the pages have been recorded")
    for _, step, printed in played:
        assert session.normal(_whether_here(printed)) == session.normal(_whether_here(step.output)), step.command
    assert len(played) >= 17
