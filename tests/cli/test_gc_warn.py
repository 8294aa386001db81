"""``gc --warn`` on a cloud in memory, with a real server that is told."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from deploy.notify.receiver import SECRET, receiving
from emulators.memory import ShowingCloud, offer, only_cloud

from zephyr_deploy.cli.main import main
from zephyr_deploy.deploy.clouds.warn import Warned
from zephyr_deploy.deploy.notify import warned as telling
from zephyr_deploy.deploy.notify.warned import sentence
from zephyr_deploy.errors import AuthError
from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.types import Order

MINUTE = timedelta(minutes=1)


@pytest.fixture
def cloud(monkeypatch):
    made = Cloud()
    only_cloud(made, monkeypatch)
    return made


class Cloud(ShowingCloud):
    def machine(self, name, *, ends=None, age=timedelta(), price=1.0):
        """One that was made so long ago, and ends in that time."""
        now = datetime.now(timezone.utc)
        stamp = Stamp(
            deployment=name, run="0" * 8, expires=now + ends if ends is not None else None, price_per_hour_usd=price
        )
        key = "ssh-ed25519 AAAA"
        order = Order(stamp=stamp, offer=offer(), token=name, public_key=key, allowed="0.0.0.0/0", disk_gb=100)
        made = self.create(order).id
        self.there[made] = self.there[made].model_copy(update={"created_at": now - age})
        return made


@pytest.fixture
def webhook(tmp_path, monkeypatch):
    """Whom zephyr.toml names; the deployment of the file may cost $10."""
    with receiving() as server:
        (tmp_path / "zephyr.toml").write_text(
            'name = "mine"\n[cost]\nbudget_usd = 10\n[notify]\nwebhook_from = "env:HOOK"\n'
        )
        monkeypatch.setenv("HOOK", server.address)
        yield server


def told(webhook):
    return [(sent["type"], sent["data"]["deployment"]) for sent in webhook.bodies]


def test_what_ends_within_the_time_is_told_and_nothing_is_deleted(cloud, webhook, capsys):
    cloud.machine("soon", ends=50 * MINUTE)
    cloud.machine("over", ends=-5 * MINUTE)
    cloud.machine("later", ends=70 * MINUTE)
    cloud.machine("never")
    assert main(["gc", "--warn", "1h", "--output", "json"]) == 0
    assert told(webhook) == [("expiring", "over"), ("expiring", "soon")]
    data = json.loads(capsys.readouterr().out)["data"]
    assert [one["deployment"] for one in data["warnings"]] == ["over", "soon"]
    assert (data["orphans"], data["removed"], len(cloud.instances())) == ([], [], 4)
    assert webhook.bodies[1]["data"]["text"].startswith("soon ends in 50m, at 20")


@pytest.mark.parametrize(("hours", "share"), [(7.9, None), (8.1, 80), (10.1, 100)])
def test_what_has_cost_its_budget_is_told(cloud, webhook, hours, share, capsys):
    cloud.machine("mine", age=hours * timedelta(hours=1))
    cloud.machine("another", age=timedelta(hours=100))
    assert main(["gc", "--warn", "1h", "--output", "json"]) == 0
    assert [one["share"] for one in json.loads(capsys.readouterr().out)["data"]["warnings"]] == (
        [share] if share else []
    )
    assert told(webhook) == ([("budget", "mine")] if share else [])


def test_of_each_thing_it_is_told_once_and_again_when_it_is_another(cloud, webhook, capsys):
    cloud.machine("mine", ends=30 * MINUTE, age=timedelta(hours=8.5))
    assert main(["gc", "--warn", "1h"]) == 0
    assert main(["gc", "--warn", "1h"]) == 0
    assert told(webhook) == [("budget", "mine"), ("expiring", "mine")]
    assert "was told of 0; of 2 it was told before" in capsys.readouterr().err
    (instance,) = cloud.instances()
    cloud.there[instance.id] = instance.model_copy(
        update={"created_at": instance.created_at - timedelta(hours=3), "stamp": instance.stamp}
    )
    assert main(["gc", "--warn", "1h"]) == 0
    assert [sent["data"].get("share") for sent in webhook.bodies] == [80, None, 100]


def test_what_could_not_be_told_is_told_the_next_time(cloud, webhook, capsys):
    cloud.machine("soon", ends=30 * MINUTE)
    webhook.answers = [410, 200]
    assert main(["gc", "--warn", "1h"]) == 6
    said = capsys.readouterr()
    assert "soon ends in 30m" in said.out, "it is shown all the same"
    assert "webhook was not told: it answered 410" in said.err
    assert SECRET not in said.err
    assert main(["gc", "--warn", "1h"]) == 0
    assert len(webhook.got) == 2
    assert len({headers["webhook-id"] for headers, _ in webhook.got}) == 1


def test_a_note_that_cannot_be_read_is_none(cloud, webhook, tmp_path):
    cloud.machine("soon", ends=30 * MINUTE)
    (tmp_path / "state").mkdir()
    for text in ("", "[]", '{"a": 1}'):
        (tmp_path / "state" / telling.NOTE).write_text(text)
        assert main(["gc", "--warn", "1h"]) == 0
    assert len(webhook.got) == 3


def test_what_is_over_can_be_deleted_in_the_same_call_and_is_not_warned_of(cloud, webhook, capsys):
    cloud.machine("over", ends=-5 * MINUTE)
    cloud.machine("soon", ends=30 * MINUTE)
    assert main(["gc", "--expired", "--warn", "1h", "--yes"]) == 0
    assert told(webhook) == [("expiring", "soon")]
    out = capsys.readouterr().out
    assert "over" in out
    assert "soon ends in" in out
    assert [one.stamp.deployment for one in cloud.instances()] == ["soon"]


@pytest.mark.parametrize("words", [("--dry-run",), ("--profile", "mute")])
def test_nobody_is_told_where_nobody_is_to_be(cloud, webhook, words, tmp_path, capsys):
    with (tmp_path / "zephyr.toml").open("a") as file:
        file.write("[profile.mute.notify]\nevents = []\n")
    cloud.machine("soon", ends=30 * MINUTE)
    assert main(["gc", "--warn", "1h", *words]) == 0
    assert webhook.got == []
    assert "soon ends in" in capsys.readouterr().out


def test_without_a_file_it_is_shown_and_said_that_nobody_is_told(cloud, capsys):
    cloud.machine("soon", ends=30 * MINUTE)
    assert main(["gc", "--warn", "1h", "--output", "quiet"]) == 0
    assert capsys.readouterr().out == "soon\n"
    assert main(["gc", "--warn", "1h"]) == 0
    assert "[notify] of zephyr.toml names nobody" in capsys.readouterr().err


def test_a_cloud_that_cannot_be_asked_is_an_error(cloud, webhook, capsys):
    cloud.fails["instances"] = [AuthError("the credentials expired")]
    assert main(["gc", "--warn", "1h"]) == 6
    assert "aws cannot be asked: the credentials expired" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "code"), [(("--warn", "1"), 2), (("--warn", ""), 2)])
def test_a_length_that_is_none_is_refused_before_anything_is_deleted(cloud, webhook, words, code):
    cloud.machine("over", ends=-5 * MINUTE)
    assert main(["gc", "--expired", "--yes", *words]) == code
    assert len(cloud.instances()) == 1


def test_a_file_that_cannot_be_read_is_refused_before_anything_is_deleted(cloud, tmp_path):
    (tmp_path / "zephyr.toml").write_text("nonsense = 1\n")
    cloud.machine("over", ends=-5 * MINUTE)
    assert main(["gc", "--expired", "--yes", "--warn", "1h"]) == 3
    assert len(cloud.instances()) == 1


NOW = datetime(2026, 11, 26, 17, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"ends_at": NOW + 90.5 * MINUTE}, "demo ends in 1h31m, at 2026-11-26 18:30 UTC."),
        ({"ends_at": NOW}, "demo should have ended at 2026-11-26 17:00 UTC, and its machine is still there."),
        (
            {"event": "budget", "cost_usd": 8.104, "budget_usd": 10, "share": 80},
            "demo has cost $8.10 of its budget of $10.00 (81%).",
        ),
    ],
)
def test_what_is_to_be_known_is_one_sentence(given, text):
    about = {"deployment": "demo", "provider": "aws", "region": "r", "machine": "i-1", "machine_type": "t"}
    assert sentence(Warned(**{"event": "expiring", "price_per_hour_usd": 1, **about, **given}), NOW) == text
