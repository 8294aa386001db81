"""``zephyr-deploy up`` in a cloud, as far as the question whether a machine is to be ordered."""

from __future__ import annotations

import json

import pytest
from emulators.memory import ShowingCloud, offer, only_cloud

from zephyr_deploy.cli.main import main


class Cloud(ShowingCloud):
    """Two regions, and interruptible machines in both."""

    def regions(self):
        return ("here", "there")

    def offers(self, region=None):
        kinds = (offer(), offer(price=0.3, spot=True))
        return [one.model_copy(update={"region": region}) for one in kinds]


@pytest.fixture(autouse=True)
def cloud(monkeypatch):
    made = Cloud()
    only_cloud(made, monkeypatch)
    return made


@pytest.fixture
def proposed(capsys):
    """The machines that the user is asked about, where nobody is there to answer."""

    def up(*words):
        assert main(["up", "--provider", "aws", "--gpu", "a10g", *words]) == 2
        said = capsys.readouterr().err
        assert "Add --yes" in said
        return [line.strip() for line in said.splitlines() if line.startswith("  ")]

    return up


def test_a_region_is_the_only_one_and_interruptible_machines_are_asked_for(proposed, cloud):
    fixed, spot = "g5.xlarge in {}: 1 x a10g, $1.00 an hour", "g5.xlarge spot in {}: 1 x a10g, $0.30 an hour"
    assert proposed() == [fixed.format("here"), fixed.format("there")]
    assert proposed("--region", "there") == [fixed.format("there")]
    assert proposed("--region", "there", "--spot") == [spot.format("there"), fixed.format("there")]
    assert cloud.there == {}


def test_who_says_no_has_nothing_ordered_and_a_script_reads_that(cloud, capsys, no):
    assert main(["up", "demo", "--provider", "aws", "--gpu", "a10g", "--output", "json"]) == 2
    said = capsys.readouterr()
    error = json.loads(said.out)["error"]
    assert (error["code"], error["message"], error["exit_code"]) == ("declined", "Nothing was ordered.", 2)
    assert no == ["Order it?"]
    assert "zephyr-deploy down" not in said.err
    assert cloud.there == {}


def test_a_machine_of_ones_own_is_not_kept_alive(capsys):
    assert main(["up", "--provider", "ssh", "--host", "h", "--keep-alive"]) == 2
    assert "--keep-alive is for machines of a cloud" in capsys.readouterr().err


def test_what_is_kept_is_what_is_up_and_the_next_one_is_agreed_to(monkeypatch, capsys):
    made, watched = [], []

    def up(deployment, **how):
        made.append((deployment, how["rollout_options"].agree))
        return "result"

    class Watch:
        def __init__(self, _cloud, deployment, _phases, again):
            self.run = lambda: (watched.append(deployment), again(deployment))

    monkeypatch.setattr("zephyr_deploy.deploy.up.up", up)
    monkeypatch.setattr("zephyr_deploy.cli.up.show_up", lambda _session, result: made.append(result))
    monkeypatch.setattr("zephyr_deploy.deploy.clouds.watch.Watch", Watch)
    assert main(["up", "demo", "--provider", "aws", "--gpu", "a10g", "--spot", "--keep-alive"]) == 0
    (first, asks), shown, (second, agreed) = made
    assert shown == "result"
    assert first == second == watched[0]
    assert (asks is None, agreed) == (False, None)
    said = capsys.readouterr().err
    assert "Ctrl-C ends that, and leaves the endpoint alone" in said
    assert "zephyr-deploy down demo" in said
