"""What a user types, against an emulated account: the whole way from the command line to the wire."""

from __future__ import annotations

import json

import pytest

from zephyr_deploy.cli.main import main
from zephyr_deploy.providers import registry


@pytest.fixture(autouse=True)
def alone(aws, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(registry, "CLOUDS", ("aws",))


def test_offers(capsys):
    assert main(["offers", "--gpu", "a100", "--region", "us-east-1", "--output", "json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert [one["machine_type"] for one in data["offers"]] == ["p4d.24xlarge", "p4de.24xlarge"]
    assert [one["filter"] for one in data["removed"]] == ["gpu", "spot"]
    assert data["notes"] == []


def test_offers_of_a_region_that_is_none_of_the_account(capsys):
    assert main(["offers", "--region", "eu-north-1"]) == 3
    assert "It has us-east-1, ap-south-1, us-west-2." in capsys.readouterr().err


def test_doctor(aws, capsys):
    aws.account.quotas["L-417A185B"] = 0
    assert main(["doctor", "--provider", "aws", "--gpu", "h100", "--region", "us-east-1", "--output", "json"]) == 4
    checks = {one["name"]: one for one in json.loads(capsys.readouterr().out)["data"]}
    assert [name for name, one in checks.items() if one["verdict"] == "failed"] == ["quota L-417A185B"]
    assert checks["machine"]["detail"] == "p5.4xlarge in us-east-1: 1 x h100, $6.88 an hour"
    assert {one["host"] for one in checks.values()} == {"aws"}
