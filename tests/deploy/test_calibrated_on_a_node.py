"""From a measurement of a running engine to a plan that is corrected by it, on a machine with a card.

The engine of that card computes on a processor: what is shown is the way of the figures, and not what a card reaches.
"""

from __future__ import annotations

import json
from functools import partial

import pytest
from lab.boot import NodeSpec
from lab.cards import A10G
from load import Load

from zephyr_deploy import up
from zephyr_deploy.bench.probes import PROBES, run_probes
from zephyr_deploy.cli import main as program
from zephyr_deploy.deploy import calibrate as verb
from zephyr_deploy.deploy.reach import reached
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.errors import LockedError
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.spec.deployment import Deployment, Machine

pytestmark = pytest.mark.long  # tests/deploy/test_corrections.py shows the way of the figures without a machine

NAME = "probed"


@pytest.fixture(scope="module")
def served(desk):
    """Zephyr, or what stands in for it there."""
    node = desk.nodes(NodeSpec(card=A10G, preload=True))
    machine = Machine(host=node.address, user=node.user, identity=str(node.key))
    options = RolloutOptions(trust=Trust(fingerprint=node.host_key_fingerprint), prepare=False)
    return up(Deployment(name=NAME, provider="ssh", machine=machine), rollout_options=options)


@pytest.fixture
def brief(monkeypatch):
    """Probes of a second or two, of requests that a processor can answer in that time."""
    probes = tuple(
        probe._replace(seconds=1.5, prompt_tokens=min(probe.prompt_tokens, 128), output_tokens=8) for probe in PROBES
    )
    monkeypatch.setattr(verb, "run_probes", partial(run_probes, probes=probes))


def planned(capsys, *options):
    program.main(["plan", "--gpu", "a10g", "--offline", "--output", "json", *options])
    return json.loads(capsys.readouterr().out)["data"]["outlook"]


def test_the_next_plan_is_corrected(served, brief, capsys):
    before = planned(capsys)
    assert before["correction"] is None
    assert program.main(["calibrate", NAME, "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["data"]
    assert (found["served"]["gpu"], found["served"]["engine"], found["served"]["shards"]) == ("a10g", "tgi", 1)
    assert {"itl", "ttft"} <= {one["point"]["kind"] for one in found["compared"]}
    assert all(one["after"]["low"] < one["after"]["high"] for one in found["compared"])

    after = planned(capsys)
    assert any(note.startswith("Corrected by your measurement of 20") and NAME in note for note in after["notes"])
    assert relative(after) < relative(before)
    assert planned(capsys, "--no-calibration")["asked"] == before["asked"]


def relative(outlook):
    """How wide the interval is."""
    found = outlook["asked"]["prediction"]["itl_ms"]
    return found["high"] / found["low"]


def test_a_benchmark_is_beside_its_plan(served, capsys, tmp_path):
    file = tmp_path / "report.json"
    brief = ["--requests", "4", "--concurrency", "1", "--max-new-tokens", "8"]
    assert program.main(["bench", NAME, "--allow-bottleneck", *brief, "--save", str(file)]) == 0
    shown = capsys.readouterr()
    assert "PLANNED" in shown.out
    assert "Plans for a10g are corrected by these figures" in shown.err
    report = json.loads(file.read_text())
    assert report["levels"][0]["predicted"]["concurrency"] == 1
    assert report["target"]["served"]["gpu"] == "a10g"
    heeded = planned(capsys, "--calibrate", str(file), "--no-calibration")
    assert any("report.json" in note for note in heeded["notes"])


def test_others_are_not_measured_along(served):
    with reached(NAME) as endpoint, Load(endpoint), pytest.raises(LockedError, match="in use"):
        verb.calibrate(NAME)
