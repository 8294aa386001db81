from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from zephyr_deploy.cli.main import main
from zephyr_deploy.deploy import audit as verbs
from zephyr_deploy.deploy.outcome import Outcome


@pytest.fixture(autouse=True)
def noted():
    """Two runs that this machine has noted."""
    at = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    said = {"deployment": "demo", "user": "ann", "machine": "laptop", "at": at, "seconds": 2.0}
    verbs.tell(None, Outcome(run="r1", command="up", release="aaa", result="changed", **said))
    verbs.tell(
        None,
        Outcome(
            run="r2",
            command="redeploy",
            before="aaa",
            release="bbb",
            result="failed",
            error="\x1b[2Jno",
            cost_usd=1,
            **said,
        ),
    )


def test_a_row_for_each_run(capsys):
    assert main(["audit", "demo", "--here"]) == 0
    out = capsys.readouterr().out
    for words in ("2026-01-01 12:00:00", "ann@laptop", "redeploy", "aaa", "bbb", "failed", "$1.00"):
        assert words in out
    assert "\x1b[2J" not in out


def test_json_is_a_line_for_each_run(capsys):
    assert main(["audit", "demo", "--here", "--output", "json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["kind"], line["data"]["run"], line["data"]["result"]) for line in lines] == [
        ("audit", "r1", "changed"),
        ("audit", "r2", "failed"),
    ]


def test_quiet_is_the_runs(capsys):
    assert main(["audit", "demo", "--here", "--output", "quiet"]) == 0
    assert capsys.readouterr().out.split() == ["r1", "r2"]


def test_of_what_is_unknown_there_is_none(capsys):
    assert main(["audit", "other", "--here"]) != 0
    assert "nothing is known of other" in capsys.readouterr().err
