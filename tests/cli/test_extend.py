from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from zephyr_deploy.cli.main import main
from zephyr_deploy.deploy import extend as verbs
from zephyr_deploy.deploy.extend import Extended

HOUR = timedelta(hours=1)


@pytest.fixture
def called(monkeypatch, tmp_path):
    """What `extend` was asked for; it answers with an end in three hours, or what a test puts here."""
    now = datetime.now(timezone.utc)
    calls = []
    found = {"name": "demo", "before": now + HOUR, "ends_at": now + 3 * HOUR, "ends_itself": True}
    found |= {"idle_at": now + HOUR / 2, "price_per_hour_usd": 2.0, "cost_usd": 7.5}

    def extend(name, by, *, to, idle, listener, lock_wait_s):
        calls.append((name, by, to, idle, lock_wait_s))
        return Extended(**found)

    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(verbs, "extend", extend)
    calls.append(found)
    return calls


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["2h"], ("demo", 2 * HOUR, None, None, 0.0)),
        (["--to", "30m", "--lock-wait", "5s"], ("demo", None, HOUR / 2, None, 5.0)),
        (["--to", "none"], ("demo", None, "none", None, 0.0)),
        (["--idle", "3h"], ("demo", None, None, 3 * HOUR, 0.0)),
        (["2h", "--idle", "none"], ("demo", 2 * HOUR, None, "none", 0.0)),
    ],
)
def test_later_by_from_now_and_never(called, words, asked):
    assert main(["extend", "demo", *words]) == 0
    assert called[1:] == [asked]


@pytest.mark.parametrize(
    "words", [[], ["2h", "--to", "3h"], ["0s"], ["--to", "0s"], ["later"], ["none"], ["--idle", "0s"]], ids=" ".join
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(monkeypatch, words, capsys):
    asked = []
    monkeypatch.setattr(verbs, "known", asked.append)
    assert main(["extend", "demo", *words]) == 2
    assert asked == []


def test_it_shows_both_limits_and_what_it_costs(called, capsys):
    assert main(["extend", "demo", "2h"]) == 0
    out = capsys.readouterr().out
    for words in ("in 3 h 00 min", "in 1 h 00 min", "without a request in 30 min", "$2.00 an hour", "$7.50"):
        assert words in out


def test_a_script_reads_when_it_ends(called, capsys):
    assert main(["extend", "demo", "2h", "-o", "json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert datetime.fromisoformat(data["ends_at"].replace("Z", "+00:00")) == called[0]["ends_at"]
    assert main(["extend", "demo", "2h", "-o", "quiet"]) == 0
    assert capsys.readouterr().out.strip() == called[0]["ends_at"].isoformat()


def test_for_ever_has_a_price(called, capsys):
    called[0].update(ends_at=None, cost_usd=None)
    assert main(["extend", "demo", "--to", "none"]) == 0
    said = "Warning: demo costs $2.00 an hour until nobody uses it, or zephyr-deploy down."
    assert said in capsys.readouterr().err
    called[0].update(idle_at=None)
    assert main(["extend", "demo", "--to", "none", "--idle", "none"]) == 0
    shown = capsys.readouterr()
    assert "never ends for that" in shown.out
    assert "Warning: demo costs $2.00 an hour until zephyr-deploy down." in shown.err


def test_where_it_does_not_end_itself_that_is_said(called, capsys):
    called[0].update(ends_itself=False, idle_at=None)
    assert main(["extend", "demo", "2h"]) == 0
    assert "It does not end itself" in capsys.readouterr().err
