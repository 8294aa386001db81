from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
from emulators.memory import ShowingCloud, offer, only_cloud

from zephyr_deploy.cli.agree import lines
from zephyr_deploy.cli.main import main
from zephyr_deploy.deploy.clouds import gc, vanish
from zephyr_deploy.deploy.clouds.launch import Proposal
from zephyr_deploy.errors import AuthError
from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.types import Account, Order
from zephyr_deploy.providers.clouds.visits import Visit

HOUR = timedelta(hours=1)


@pytest.fixture
def cloud(monkeypatch, tmp_path):
    """One that has a machine of ours whose time is over, made elsewhere."""
    made = ShowingCloud()
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "state"))
    only_cloud(made, monkeypatch)
    stamp = Stamp(deployment="lost", run="0" * 8, expires=datetime.now(timezone.utc) - HOUR, price_per_hour_usd=1.5)
    key = "ssh-ed25519 AAAA"
    made.create(Order(stamp=stamp, offer=offer(), token="t", public_key=key, allowed="0.0.0.0/0", disk_gb=100))
    made.calls.clear()
    return made


def ids(cloud):
    return [thing.id for thing in cloud.resources()]


def test_a_dry_run_lists_and_deletes_nothing(cloud, capsys):
    assert main(["gc", "--dry-run", "--output", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["data"]["orphans"]
    assert (found["deployment"], found["price_per_hour_usd"]) == ("lost", 1.5)
    assert ids(cloud) == ["i-1"]


def test_it_asks_and_without_a_terminal_refuses(cloud, capsys):
    assert main(["gc"]) == 2
    said = capsys.readouterr().err
    assert "lost (aws): instance i-1; age 0 min, $1.50 an hour" in said
    assert "Add --yes" in said
    assert ids(cloud) == ["i-1"]


def test_what_somebody_else_may_be_using_is_said_before_the_question(cloud, capsys, no):
    assert main(["gc"]) == 2
    assert "may be using" not in capsys.readouterr().err
    instance, end = cloud.instances("lost")[0], datetime.now(timezone.utc) + HOUR
    cloud.restamp(instance, instance.stamp.model_copy(update={"expires": end}))
    assert main(["gc"]) == 2
    said = capsys.readouterr().err
    assert "Warning: Somebody else may be using lost: the time is not over. gc --expired" in said
    assert f"expires {end:%Y-%m-%d %H:%M} UTC" in said


def test_who_says_no_has_nothing_deleted_and_a_script_reads_that(cloud, capsys, no):
    assert main(["gc", "--output", "json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["message"], error["exit_code"]) == ("declined", "Nothing was deleted.", 2)
    assert no == ["Delete all of lost?"]
    assert ids(cloud) == ["i-1"]


def test_what_is_over_goes_without_a_question_where_that_was_said(cloud, capsys):
    assert main(["gc", "--expired", "--yes", "--output", "quiet"]) == 0
    assert capsys.readouterr().out == "lost\n"
    assert ids(cloud) == []
    assert main(["gc", "--expired", "--yes"]) == 0
    assert "nothing of the kind" in capsys.readouterr().err


def test_what_cannot_go_ends_with_leftovers(cloud, capsys, monkeypatch):
    cloud.ending_s = 60
    monkeypatch.setattr(gc, "Vanish", partial(vanish.Vanish, gone_s=0.0))
    monkeypatch.setattr(vanish, "PAUSES_S", (0.01,))
    assert main(["gc", "--yes"]) == 10
    assert "still there" in capsys.readouterr().err


def test_ls_orphans_shows_price_and_age(cloud, capsys):
    assert main(["ls", "--orphans", "--output", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["data"]
    assert found["resources"][0]["id"] == "i-1"
    assert main(["ls", "--orphans"]) == 0
    said = capsys.readouterr()
    assert "1.50" in said.out
    assert "zephyr-deploy gc" in said.err


@pytest.mark.parametrize(
    ("words", "code"),
    [(("gc", "--expired", "--yes"), 6), (("ls", "--orphans"), 6), (("ls",), 0), (("cost",), 0)],
)
def test_where_a_cloud_cannot_be_asked_nobody_says_that_there_is_nothing(cloud, capsys, words, code):
    for call in ("instances", "resources"):
        cloud.fails[call] = [AuthError("the credentials expired")]
    assert main([*words]) == code
    said = capsys.readouterr().err
    assert "aws cannot be asked: the credentials expired" in said
    for wrong in ("nothing", "Nothing", "none"):
        assert wrong not in said


def test_what_is_shown_before_an_order_has_whom_the_endpoint_is_open_to():
    given = {"deployment": "d", "account": Account(provider="aws", id="1"), "offers": (offer(),), "ends_itself": True}
    opened = {443: "198.51.100.0/24", 80: "0.0.0.0/0"}
    shown = lines(Proposal(**given, lifetime=HOUR, allowed="203.0.113.7/32", opened=opened))
    assert shown[-1].endswith(
        "and shown to others: port 80 is open to everybody (0.0.0.0/0), port 443 is open to 198.51.100.0/24."
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "It ends itself after 8h, which is at most $16.00."),
        ({"idle": HOUR / 2}, "after 8h, which is at most $16.00, or after 30m without a request."),
        ({"idle": HOUR, "lifetime": None}, "until it ends after 1h without a request, or `zephyr-deploy down`."),
        ({"ends_itself": False}, "It does not end itself, used or not, and costs on while it is off."),
        ({"lifetime": None}, "It has no time limit"),
        ({"budget_usd": 12.5}, "which is at most $12.50."),
    ],
)
def test_what_is_shown_before_an_order_has_price_limit_and_who_may_come_in(changes, words):
    account = Account(provider="aws", id="1234")
    offers = tuple(offer(f"t{n}", n / 4) for n in range(1, 9))
    given = {"deployment": "d", "account": account, "offers": offers, "lifetime": 8 * HOUR, "ends_itself": True}
    shown = lines(Proposal(**{**given, "allowed": "203.0.113.7/32", **changes}))
    assert shown[0] == "aws account 1234; tried in this order:"
    assert shown[1].startswith("  t1 in here: 1 x a10g, $0.25 an hour")
    assert "  and 3 more" in shown
    assert words in shown[-2]
    assert shown[-1] == "SSH is open to 203.0.113.7/32; the endpoint is reached through it."


@pytest.fixture
def left_open(cloud):
    """What a job left open that was killed: one past its time, and one that is not."""
    instance = cloud.instances("lost")[0]
    for network, minutes in (("192.0.2.1/32", -1), ("192.0.2.2/32", 30)):
        cloud.let_in(instance, None, network, Visit(run="0123abcd", lasts=timedelta(minutes=minutes)))
    end = datetime.now(timezone.utc) + HOUR
    cloud.restamp(instance, instance.stamp.model_copy(update={"expires": end}))
    return cloud


def test_what_is_open_to_a_guest_past_its_time_is_closed_without_a_question(left_open, capsys):
    assert main(["gc", "--expired", "--output", "json"]) == 0
    captured = capsys.readouterr()
    (closed,) = json.loads(captured.out)["data"]["closed"]
    assert (closed["network"], closed["deployment"]) == ("192.0.2.1/32", "lost")
    assert "SSH from 192.0.2.1/32 (aws here) to a guest of lost, past its time, is closed." in captured.err
    assert [opening.network for opening in left_open.openings()] == ["192.0.2.2/32"]
    assert ids(left_open) == ["i-1"]


def test_a_dry_run_closes_nothing(left_open, capsys):
    assert main(["gc", "--expired", "--dry-run"]) == 0
    assert "past its time, is open." in capsys.readouterr().err
    assert len(left_open.openings()) == 2


def test_one_that_cannot_be_closed_is_a_leftover(left_open, capsys):
    left_open.fails["shut"] = [AuthError("expired")]
    assert main(["gc", "--expired"]) == 10
    assert "SSH from 192.0.2.1/32 (aws here) stays open: expired" in capsys.readouterr().err
