"""docs/guides/aws.md, followed on AWS's emulator with a real machine behind it: what it prints is what the page shows.

``RECORD_GUIDE=1 pytest tests/docs/test_aws_guide.py`` writes the page anew.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from docs.recording import ROOT, in_order, same_or_recorded
from emulators.rehearsal import clouds
from providers.clouds.kinds import allowed_on_aws

PAGE = ROOT / "docs" / "guides" / "aws.md"
SECOND, REFUSED = "## From a second laptop", "## When it does not work"
IDS = re.compile(r"\b(i|vol|eni|sg|key|sir|vpc|ami)-[0-9a-f]{8,}\b")
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
ADDRESS = re.compile(r"(?<![/.\d])(?:10|172|192)(?:\.\d{1,3}){3}\b")
FULL = "We currently do not have sufficient g6.xlarge capacity in the Availability Zone you requested."


def shown(printed, home):
    """With names that stay: those of a run say nothing to a reader."""
    printed = IDS.sub(r"\1-0123456789abcdef0", FINGERPRINT.sub("FINGERPRINT", printed))
    printed = ADDRESS.sub("198.51.100.10", printed).replace(str(home / "state"), "~/.local/state/zephyr-deploy")
    # What it met while it waited is the machine's affair.
    printed = re.sub(r"(Wait until it answers): .*", r"\1", printed)
    return "\n".join(in_order(line.rstrip() for line in printed.splitlines() if not line.startswith("... ")))


@pytest.fixture
def account(lab, tmp_path_factory):
    with clouds(lab, tmp_path_factory.mktemp("machines")) as both:
        yield both
        assert both.left() == []


@pytest.mark.timeout(600, func_only=True)
def test_every_command_prints_what_the_page_shows(quickstart, account, tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    names = ("HF_ENDPOINT", "NO_PROXY", "no_proxy")
    env = {**{name: account.environment()[name] for name in names}, **account.aws.environment(), "ZEPHYR_PORT": "8080"}
    page, played = PAGE.read_text(), []

    def play(steps, home):
        for step in steps:
            home.mkdir(exist_ok=True)
            played.append((step, shown(quickstart.play(step.command, home, path, **env), home)))

    first, second, refused = sections(page)
    play(quickstart.steps(first), tmp_path / "first")
    play(quickstart.steps(second), tmp_path / "second")
    account.aws.fault("ec2:RunInstances", "InsufficientInstanceCapacity", FULL, status=500, times=None)
    account.aws.account.quotas["L-DB2E81BA"] = 64.0
    no_capacity, no_quota, too_cheap = quickstart.steps(refused)
    play([no_capacity], tmp_path / "second")
    account.aws.account.quotas["L-DB2E81BA"] = 0.0
    play([no_quota, too_cheap], tmp_path / "second")
    play([quickstart.Step("zephyr-deploy down zephyr --yes", "")], tmp_path / "second")
    played.pop()

    same_or_recorded(quickstart, PAGE, played)
    assert len(played) == 17


def sections(page):
    """Typed on the first laptop; on the second; and on that one again, when the account refuses."""
    first, _, rest = page.partition(SECOND)
    second, _, refused = rest.partition(REFUSED)
    return first, second, refused


def test_its_table_of_calls_is_the_policy():
    table = re.findall(
        r"^\|.*$", PAGE.read_text().partition("| what for | calls |")[2].partition("\n\n")[0], re.MULTILINE
    )
    named = re.findall(r"`([a-z0-9-]+:[A-Za-z]+)`", "\n".join(table))
    assert sorted(named) == sorted(allowed_on_aws())
