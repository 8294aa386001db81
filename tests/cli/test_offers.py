"""``zephyr-deploy offers`` as it is typed."""

from __future__ import annotations

import datetime
import json

import pytest
from emulators.memory import MemoryCloud, offer, only_cloud
from jsonschema import Draft202012Validator

from zephyr_deploy.cli.main import main
from zephyr_deploy.resources import PACKAGE

L4 = offer("g6.xlarge", 0.8048, gpu="l4", gpu_memory_gib=22.35, region="us-east-1")
OLD = offer("g6.xlarge", 0.9664, gpu="l4", region="ap-south-1", priced_on=datetime.date(2026, 11, 9))
A100 = offer("p4d.24xlarge", 21.957642, gpu="a100-40", gpus=8, gpu_memory_gib=40, region="us-east-1")
RUPEES = offer("GDC.A100", 2.26, gpu="a100-80", gpu_memory_gib=80, region="Delhi", provider="e2e")
RUPEES = RUPEES.model_copy(update={"price": "189 INR"})
SPOT = offer("g6.xlarge", 0.3, gpu="l4", region="us-east-1", spot=True)


class Cloud(MemoryCloud):
    sells = (A100, L4, OLD, RUPEES, SPOT)
    wants = ("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",)
    has_key = True

    def configured(self):
        return self.has_key

    def regions(self):
        return ("us-east-1", "ap-south-1", "Delhi")

    def offers(self, region=None):
        return [one for one in self.sells if one.region == region]


@pytest.fixture(autouse=True)
def cloud(monkeypatch):
    made = Cloud()
    only_cloud(made, monkeypatch)
    return made


def run(capsys, *words):
    code = main(["offers", *words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_a_table_cheapest_first(capsys):
    code, out, err = run(capsys, "--gpu", "a100")
    assert code == 0
    assert [line.split() for line in out.splitlines()] == [
        ["PROVIDER", "REGION", "MACHINE", "GPU", "MEMORY", "$/H", "PRICE"],
        ["e2e", "Delhi", "GDC.A100", "1", "x", "a100-80", "80", "GB", "2.2600", "189", "INR,", "as", "of", "now"],
        ["aws", "us-east-1", "p4d.24xlarge", "8", "x", "a100-40", "40", "GB", "21.9576", "as", "of", "now"],
    ]
    assert err == ("Left out: 3 not with a100; nearest: 1 x l4 (aws g6.xlarge in us-east-1, $0.80 an hour).\n")


def test_where_a_price_comes_from_and_what_is_interruptible(capsys):
    _, out, _ = run(capsys, "--gpu", "l4", "--spot")
    rows = out.splitlines()[1:]
    assert rows[0].split()[3] == "spot"
    assert rows[-1].endswith("table of 2026-11-09")
    assert "24 GB" in rows[0], "as it is sold"


@pytest.mark.parametrize(
    ("words", "machines"),
    [
        ((), ["g6.xlarge", "g6.xlarge", "GDC.A100", "p4d.24xlarge"]),
        (("--min-memory", "40"), ["GDC.A100", "p4d.24xlarge"]),
        (("--max-price", "0.9"), ["g6.xlarge"]),
        (("--gpus", "2"), ["p4d.24xlarge"]),
        (("--region", "Delhi"), ["GDC.A100"]),
        (("--provider", "aws", "--gpu", "l4", "--spot"), ["g6.xlarge", "g6.xlarge", "g6.xlarge"]),
    ],
)
def test_every_filter(capsys, words, machines):
    _, out, _ = run(capsys, *words, "--output", "quiet")
    assert [line.split()[-1] for line in out.splitlines()] == machines


def test_nothing_that_fits_says_why_and_is_no_capacity(capsys):
    code, out, err = run(capsys, "--gpu", "a100", "--max-price", "2")
    assert (code, out) == (5, "No machine fits.\n")
    assert "Left out: 2 not for $2.00 an hour or less; nearest: 1 x a100-80" in err


def test_json(capsys):
    code, out, _ = run(capsys, "--gpu", "a100", "--output", "json")
    document = json.loads(out)
    Draft202012Validator(json.loads((PACKAGE / "data" / "output.schema.json").read_text())).validate(document)
    assert (code, document["kind"]) == (0, "offers")
    data = document["data"]
    assert [one["machine_type"] for one in data["offers"]] == ["GDC.A100", "p4d.24xlarge"]
    assert data["offers"][0]["price"] == "189 INR"
    assert (data["removed"][0]["filter"], data["removed"][0]["count"]) == ("gpu", 3)


def test_a_long_table_is_cut_and_json_is_not(capsys):
    _, out, err = run(capsys, "--limit", "1")
    assert len(out.splitlines()) == 2
    assert "3 more fit: --limit 4 shows them." in err
    _, out, _ = run(capsys, "--limit", "1", "--output", "json")
    assert len(json.loads(out)["data"]["offers"]) == 4


def test_the_file_says_what_fits_and_flags_go_over_it(capsys, tmp_path):
    (tmp_path / "zephyr.toml").write_text('[machine]\ngpu = "a100"\n[cost]\nmax_hourly_usd = 10\n')
    assert run(capsys, "--output", "quiet")[1] == "e2e Delhi GDC.A100\n"
    assert run(capsys, "--gpu", "l4", "--max-price", "0.9", "--output", "quiet")[1] == "aws us-east-1 g6.xlarge\n"


def test_without_credentials(capsys, cloud):
    cloud.has_key = False
    code, out, err = run(capsys)
    assert (code, out) == (4, "")
    assert "Set those of one (aws: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)." in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--gpu", "h1000"), "no GPU is known as h1000"),
        (("--region", "mars"), "aws has no region mars"),
        (("--provider", "local"), "provider local makes no machines"),
    ],
)
def test_what_cannot_be_asked_for(capsys, words, message):
    code, _, err = run(capsys, *words)
    assert code == 3
    assert message in err
