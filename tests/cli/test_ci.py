"""`ci report` and `ci comment`: from what a command printed to what GitHub shows."""

from __future__ import annotations

import json

import pytest
from bench.simulated_reports import simulated
from ci.files import outputs
from ci.log import commands

from zephyr_deploy.bench.compare import compare
from zephyr_deploy.cli import main as program

SERVICE = {
    "name": "demo",
    "url": "http://127.0.0.1:8080",
    "public_url": "https://llm.example",
    "model_id": "org/model",
    "host": "gpu1",
    "price_per_hour_usd": 1.006,
    "ends_at": "2026-11-27T10:00:00Z",
}
IMAGE = f"ghcr.io/huggingface/text-generation-inference@sha256:{'a' * 64}"
UP = {
    "service": SERVICE,
    "services": [SERVICE, {**SERVICE, "host": "gpu2"}],
    "release": "1f6a0c2b9d3e",
    "image": IMAGE,
    "changed": True,
    "phases": [{"seconds": 1.5}, {"seconds": 40.6}],
}


@pytest.fixture
def job(monkeypatch, tmp_path):
    """The files that GitHub gives to a step."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        (tmp_path / name).touch()
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


@pytest.fixture
def result(tmp_path):
    def write(kind, data, name="result.json"):
        body = {"error": data} if kind == "error" else {"data": data}
        (tmp_path / name).write_text(json.dumps({"schema": "zephyr-deploy/1", "kind": kind, **body}))
        return str(tmp_path / name)

    return write


def error(code="gate", exit_code=8, **details):
    return {"code": code, "message": "no\n::error::x", "hint": "look", "exit_code": exit_code, "details": details}


def test_a_deployment_that_changed(job, result, capsys):
    assert program.main(["ci", "report", result("up", UP)]) == 0
    assert outputs(job / "GITHUB_OUTPUT") == {
        "result": "changed",
        "endpoint": "https://llm.example",
        "release": "1f6a0c2b9d3e",
        "image-digest": f"sha256:{'a' * 64}",
        "cost-per-hour": "1.01",
    }
    summary = (job / "GITHUB_STEP_SUMMARY").read_text()
    assert summary.startswith("### demo: changed\n")
    assert "| machines | gpu1, gpu2 |\n| cost | $1.01 an hour |" in summary
    assert "| took | 42 s |" in summary
    said = capsys.readouterr()
    assert said.out == "demo: changed.\n"
    assert not commands(said.out + said.err), "nothing to be told beside the run"


def test_nothing_that_changed_and_what_was_planned(job, result):
    diff = {
        "release": "a",
        "same": False,
        "nodes": [
            {"node": "gpu1", "release": "b", "same": False, "changed": ["engine.sh"], "diff": "-old\n+new\n"},
            {"node": "gpu2", "release": "a", "same": True, "changed": [], "diff": ""},
        ],
    }
    words = ["ci", "report", result("up", {**UP, "changed": False}), "--diff", result("diff", diff, "diff.json")]
    assert program.main(words) == 0
    summary = (job / "GITHUB_STEP_SUMMARY").read_text()
    assert "```diff\n-old\n+new\n```" in summary
    assert "gpu2</summary>" not in summary
    assert outputs(job / "GITHUB_OUTPUT")["result"] == "unchanged"


def test_what_failed_is_beside_the_run_with_its_log(job, result, capsys):
    failed = error("engine_failed", 7, log=["::set-output name=endpoint::evil", "Traceback"], line="CUDA out of memory")
    assert program.main(["ci", "report", result("error", failed)]) == 0, "the command has ended the job itself"
    said = capsys.readouterr()
    title = "zephyr-deploy failed (engine_failed)"
    assert commands(said.err) == [("error", {"title": title}, "no\n::error::x\nlook")]
    assert not commands(said.out)
    summary = (job / "GITHUB_STEP_SUMMARY").read_text()
    assert "```\n::set-output name=endpoint::evil\nTraceback\nCUDA out of memory\n```" in summary
    found = outputs(job / "GITHUB_OUTPUT")
    assert (found["result"], found["exit-code"]) == ("failed", "7")
    assert "endpoint" not in found


def test_a_log_that_is_a_file_is_not_spelt_out(job, result):
    assert program.main(["ci", "report", result("error", error("config", 3, log="/state/ansible.log"))]) == 0
    assert "What it said last" not in (job / "GITHUB_STEP_SUMMARY").read_text()


@pytest.mark.parametrize("text", ["", '{"schema": "zephyr-deploy/1", "kind": "up", "da', "[]", "null"])
def test_a_command_that_was_killed(job, capsys, tmp_path, text):
    file = tmp_path / "result.json"
    file.write_text(text)
    assert program.main(["ci", "report", str(file)]) == 0
    assert "cut off" in (job / "GITHUB_STEP_SUMMARY").read_text()
    assert outputs(job / "GITHUB_OUTPUT") == {"result": "interrupted"}
    assert commands(capsys.readouterr().err)[0][0] == "error"


def test_elsewhere_the_summary_is_what_is_printed(result, capsys):
    assert program.main(["ci", "report", result("up", UP)]) == 0
    assert capsys.readouterr().out.startswith("### demo: changed\n\n|  |  |\n| --- | --- |\n| endpoint |")


@pytest.mark.parametrize("kind", ["gc", "down", "rollback", "status", "ls"])
def test_every_other_command_is_reported(job, result, capsys, kind):
    data = {
        "gc": {"orphans": [], "removed": [], "closed": [], "left": [], "warnings": []},
        "down": {"name": "demo", "stopped": [SERVICE], "removed": ["instance i-1"], "kept": [], "cost_usd": 2.5},
        "rollback": {"services": [SERVICE], "before": "b", "release": "a", "phases": []},
        "status": {"name": "demo", "state": "absent", "service": None, "machines": [{"detail": "ended itself"}]},
        "ls": [],
    }[kind]
    assert program.main(["ci", "report", result(kind, data)]) == 0, capsys.readouterr().err
    assert outputs(job / "GITHUB_OUTPUT")["result"]
    assert (job / "GITHUB_STEP_SUMMARY").read_text().startswith("### ")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({}, ("What is left over; nothing of it was deleted", "unchanged")),
        ({"removed": [{}]}, ("1 things deleted", "changed")),
        ({"orphans": [], "closed": [{}]}, ("0 things deleted; 1 openings of firewalls closed", "changed")),
        ({"orphans": []}, ("Nothing was left over", "unchanged")),
    ],
)
def test_what_gc_did_is_told_and_not_what_it_found(job, result, found, said):
    """With --dry-run it deletes nothing; and it closes what was open to guests where no machine is left."""
    thing = {"kind": "instance", "id": "i-1"}
    over = {"deployment": "demo", "provider": "aws", "resources": [thing], "price_per_hour_usd": 1.0, "cost_usd": 2.0}
    data = {"orphans": [over], "removed": [], "closed": [], "left": [], "warnings": [], **found}
    assert program.main(["ci", "report", result("gc", data)]) == 0
    title = (job / "GITHUB_STEP_SUMMARY").read_text().splitlines()[0].removeprefix("### ")
    assert (title, outputs(job / "GITHUB_OUTPUT")["result"]) == said


def test_what_gc_warns_of_is_in_the_summary(job, result):
    warned = {
        "event": "budget",
        "deployment": "demo",
        "provider": "aws",
        "region": "eu-central-1",
        "machine": "i-1",
        "machine_type": "g6.xlarge",
        "price_per_hour_usd": 1.0,
        "cost_usd": 8.0,
        "budget_usd": 10.0,
        "share": 80,
    }
    data = {"orphans": [], "removed": [], "closed": [], "left": [], "warnings": [warned]}
    assert program.main(["ci", "report", result("gc", data)]) == 0
    summary = (job / "GITHUB_STEP_SUMMARY").read_text()
    assert "| demo | aws | i-1 | demo has cost $8.00 of its budget of $10.00 (80%). |" in summary


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """What `plan` says of two cards."""
    folder = tmp_path_factory.mktemp("plans")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("STATE", "CACHE"):
            patch.setenv(f"ZEPHYR_{name}_DIR", str(folder / name.lower()))
        patch.setattr("zephyr_deploy.deploy.planning.configured_clouds", frozenset)
        return {card: planned(folder / f"{card}.json", card) for card in ("l4", "l40s")}


def planned(path, card):
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert program.main(["plan", "--gpu", card, "--offline", "-o", "json"]) == 0
    path.write_text(out.getvalue())
    return str(path)


def test_a_pull_request_that_changes_the_card(plans, capsys):
    assert program.main(["ci", "comment", plans["l40s"], "--before", plans["l4"], "--title", "Plan of demo"]) == 0
    made = capsys.readouterr().out
    assert made.startswith("### Plan of demo\n")
    assert "| USD an hour | 0.51 | 1.06 |" in made
    assert "| TTFT | " in made
    assert "<details><summary>SETTINGS</summary>" in made


def test_a_pull_request_that_changes_nothing_of_it(plans, capsys):
    assert program.main(["ci", "comment", plans["l4"], "--before", plans["l4"]]) == 0
    made = capsys.readouterr().out
    assert "Nothing that was planned changes." in made
    assert "BEFORE" not in made


def test_what_is_no_plan(result, capsys):
    assert program.main(["ci", "comment", result("up", UP)]) == 2
    assert program.main(["ci", "comment", result("error", error())]) == 3
    assert program.main(["ci", "comment", "missing.json"]) == 3


def test_a_gate_that_was_not_passed_shows_both_releases(job, result):
    before, after = simulated([4], seed=1), simulated([4], seed=2)
    compared = compare(before, after)
    verdict = {"release": "bbb", "before": "aaa", "comparison": compared.model_dump(mode="json"), "report": None}
    refused = error(failures=["ttft_p99 is 812 ms | a"], result="rolled_back", **verdict)
    assert program.main(["ci", "report", result("error", refused)]) == 0
    summary = (job / "GITHUB_STEP_SUMMARY").read_text()
    assert "- ttft_p99 is 812 ms &#124; a\n" in summary
    assert "**A is aaa, B is bbb**\n\n| LOAD | FIGURE | A | B | CHANGE |" in summary
    assert "| ttft_p99 | " in summary
    found = outputs(job / "GITHUB_OUTPUT")
    assert (found["result"], found["release"]) == ("rolled_back", "aaa")


def test_a_way_back_that_failed_is_not_called_one(job, result):
    refused = error(release="bbb", before="aaa", serves={"gpu1": "aaa", "gpu2": "bbb"}, result="failed")
    assert program.main(["ci", "report", result("error", refused)]) == 0
    assert outputs(job / "GITHUB_OUTPUT")["result"] == "failed"


def test_what_was_measured(job, result):
    measured = simulated([4, 8]).without_gaps().model_dump(mode="json")
    assert program.main(["ci", "report", result("bench", measured)]) == 0
    assert (job / "GITHUB_STEP_SUMMARY").read_text().count(" of 64 |") == 2
    gate = {"release": "bbb", "before": "aaa", "comparison": None, "report": measured}
    assert program.main(["ci", "report", result("up", {**UP, "gate": gate})]) == 0
    assert "| LOAD | OK | TTFT ms |" in (job / "GITHUB_STEP_SUMMARY").read_text().partition("demo: changed")[2]


def test_a_benchmark_that_was_measured_and_failed_its_gate(job, result, capsys):
    measured = simulated([4]).without_gaps().model_dump(mode="json")
    assert program.main(["ci", "report", result("bench", measured), "--outcome", "failure"]) == 0
    said = [("error", {"title": "chat: measured"}, "It failed; the log of its step says why.")]
    assert commands(capsys.readouterr().err) == said
    assert outputs(job / "GITHUB_OUTPUT")["result"] == "failed"
    assert " of 64 |" in (job / "GITHUB_STEP_SUMMARY").read_text()
    assert program.main(["ci", "report", result("error", error()), "--outcome", "failure"]) == 0
    assert commands(capsys.readouterr().err)[0][2] == "no\n::error::x\nlook", "an error says more"
