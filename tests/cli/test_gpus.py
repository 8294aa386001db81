"""``zephyr-deploy gpus`` as it is typed."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from zephyr_deploy.cli.main import main
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.resources import PACKAGE


def run(capsys, *words):
    code = main(["gpus", *words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_a_table_of_every_card(capsys):
    code, out, err = run(capsys)
    rows = {line.split()[0]: line.split() for line in out.splitlines()[1:]}
    assert (code, rows.keys()) == (0, gpus().keys())
    assert rows["l4"][3:] == ["23034", "300", "121", "242", "242", "8.9", "PCIe", "4.0", "x16", "0.51", "e2e"]
    assert rows["v100-16"][-2:] == ["300", "-"], "no price of it is known"
    assert "gpus.toml" in err


def test_the_prices_of_one_and_its_sources(capsys):
    code, out, err = run(capsys, "h100")
    assert code == 0
    assert "p5.4xlarge" in out
    assert "not ordered by this tool" in out
    assert "h100: 81559 MiB (seen in nvidia-smi; aiconfigurator systems/h100_sxm.yaml)" in err


def test_one_without_a_price(capsys):
    _, out, err = run(capsys, "rtx4090")
    assert len(out.splitlines()) == 1
    assert "No price of rtx4090 is known" in err


def test_json(capsys):
    code, out, _ = run(capsys, "l4", "--output", "json")
    document = json.loads(out)
    Draft202012Validator(json.loads((PACKAGE / "data" / "output.schema.json").read_text())).validate(document)
    assert (code, document["kind"]) == (0, "gpus")
    (card,) = document["data"]
    assert card["gpu"]["tflops"] == {"bits16": 121, "fp8": 242, "int8": 242}
    assert card["prices"][0]["cloud"] == "e2e"
    each = [price["usd_per_hour"] / price["gpus"] for price in card["prices"]]
    assert each == pytest.approx(sorted(each), abs=1e-4)


def test_quiet(capsys):
    assert run(capsys, "a100", "--output", "quiet")[1].split() == ["a100-40", "a100-80", "a100-80-pcie"]


def test_an_unknown_one_is_told_with_those_near(capsys):
    code, out, err = run(capsys, "h10")
    assert (code, out) == (3, "")
    assert "h100" in err


def test_a_mistake_in_the_users_file(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "zephyr-deploy").mkdir()
    (tmp_path / "zephyr-deploy/gpus.toml").write_text('[[price]]\ngpu = "l4"\n')
    code, _, err = run(capsys)
    assert code == 3
    assert "[[price]] 1 (l4): usd is missing" in err
