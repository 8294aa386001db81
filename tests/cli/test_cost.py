from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from zephyr_deploy.cli.main import main
from zephyr_deploy.deploy import cost as verbs
from zephyr_deploy.deploy.cost import Cost

NOW = datetime.now(timezone.utc)
FOUND = Cost(
    name="demo",
    provider="aws",
    machine_type="g5.xlarge",
    region="eu-central-1",
    since=NOW - timedelta(hours=3),
    price_per_hour_usd=1.26,
    cost_usd=3.78,
    generated_tokens=2e6,
    usd_per_million_tokens=0.63,
    cost_at_end_usd=10.08,
)
BARE = Cost(name="bare", provider="e2e", price_per_hour_usd=0.57, detail="it is starting")


@pytest.fixture
def found(monkeypatch, tmp_path):
    ends = {"ends_at": datetime.now(timezone.utc) + timedelta(hours=5, seconds=10)}
    answers = [BARE, FOUND.model_copy(update=ends)]
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(verbs, "costs", lambda name, on_trouble: [one for one in answers if name in {None, one.name}])
    return answers


def test_a_row_a_deployment_and_all_together(found, capsys):
    assert main(["cost"]) == 0
    said = capsys.readouterr()
    for words in ("3.78", "0.63", "in 5 h 00 min", "10.08", "it is starting", "never"):
        assert words in said.out.replace("\n", " ")
    assert "Together $1.83 an hour." in said.err


def test_one_of_them_as_json(found, capsys):
    assert main(["cost", "demo", "-o", "json"]) == 0
    (data,) = json.loads(capsys.readouterr().out)["data"]
    assert (data["cost_usd"], data["cost_at_end_usd"]) == (3.78, 10.08)


def test_for_a_script(found, capsys):
    assert main(["cost", "-o", "quiet"]) == 0
    assert capsys.readouterr().out == "bare -\ndemo 3.78\n"


def test_what_is_in_no_cloud_costs_nothing(found, capsys):
    assert main(["cost", "here"]) == 0
    assert "It costs nothing: here has no machine in a cloud." in capsys.readouterr().err
