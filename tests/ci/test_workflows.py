"""The example workflows and actions: what they ask for, what they are made of, and what their shell does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from bench.simulated_reports import simulated
from ci.conftest import EXAMPLES, ROLE
from ci.runner import ACTIONS, ROOT
from ci.stand_ins import comments, comments_of

WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(EXAMPLES.glob("*.yml"))}
JOBS = [(name, job, body) for name, flow in WORKFLOWS.items() for job, body in flow["jobs"].items()]
COMPOSITES = {path.parent.name: yaml.safe_load(path.read_text()) for path in sorted(ACTIONS.glob("*/action.yml"))}
STEPS = [
    *((f"{name}/{job}", step) for name, job, body in JOBS for step in body["steps"]),
    *((name, step) for name, action in COMPOSITES.items() for step in action["runs"]["steps"]),
]
RUNS = [(where, step["run"]) for where, step in STEPS if "run" in step]
MAY = {"contents": "read", "id-token": "write", "pull-requests": "write"}


def test_there_are_five_and_three():
    assert set(WORKFLOWS) == {"deploy", "plan", "bench", "gc", "preview"}
    assert set(COMPOSITES) == {"deploy", "comment", "setup"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_nothing_is_permitted_but_to_a_job_that_needs_it(name):
    flow = WORKFLOWS[name]
    assert flow["permissions"] == {}
    for job in flow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        assert (job.get("permissions") or {}).items() <= MAY.items()


def test_what_has_begun_is_never_cut_off_by_what_comes_later():
    groups = [(name, job.get("concurrency") or WORKFLOWS[name]["concurrency"]) for name, _, job in JOBS]
    assert all(group["group"].startswith("zephyr-deploy-") for _, group in groups)
    assert {name for name, group in groups if group["cancel-in-progress"]} == {"plan"}, "which changes nothing"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_run_that_has_nothing_to_do_takes_the_place_of_one_that_waits(name):
    """A group of a workflow is entered by every run of it, and holds one that waits; one of a job by jobs that run."""
    flow = WORKFLOWS[name]
    if any("pull_request" in job.get("if", "") for job in flow["jobs"].values()):
        assert "concurrency" not in flow


@pytest.mark.parametrize(("where", "step"), [(where, step) for where, step in STEPS if "uses" in step])
def test_every_action_is_pinned_to_a_commit(where, step):
    assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"]), where


def test_make_has_each_audited():
    """By its name, for zizmor passes over a folder that is not GitHub's."""
    called = subprocess.run(["make", "-n", "workflows"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (audit,) = [line for line in called.splitlines() if "/zizmor " in line]
    assert {f"examples/github/{name}.yml" for name in WORKFLOWS} <= {*audit.split()}


@pytest.mark.parametrize(("where", "script"), RUNS)
def test_shell_is_short_and_clean_and_nothing_is_written_into_it(where, script):
    assert "${{" not in script, "values come by the environment, where they are no shell"
    assert len(script.splitlines()) <= 6
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("shellcheck")), "--shell=bash", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, f"{where}: {checked.stdout}"


UP = {
    "service": {"name": "demo", "url": "http://127.0.0.1:8080", "model_id": "m", "price_per_hour_usd": 0.8048},
    "release": "1f6a0c2b9d3e",
    "image": f"ghcr.io/x/y@sha256:{'a' * 64}",
    "changed": True,
    "phases": [{"seconds": 3}],
}


@pytest.fixture
def scripted(github):
    """A runner with a stand-in for the tool: what it answers to each command, and with which code it ends."""

    def make(answers, **more):
        runner = github(**more)
        tool, script = runner.bin / "zephyr-deploy", Path(__file__).with_name("tool.py")
        tool.write_text(f'#!/bin/sh\nexec {sys.executable} {script} {runner.folder} "$@"\n')
        tool.chmod(0o755)
        for command, (code, kind, body) in answers.items():
            document = {"schema": "zephyr-deploy/1", "kind": kind, "error" if kind == "error" else "data": body}
            (runner.folder / f"{command}.json").write_text(json.dumps([code, document]))
        return runner

    return make


def failed(code, exit_code, **details):
    error = {"code": code, "message": "No.", "hint": None, "exit_code": exit_code, "details": details}
    return exit_code, "error", error


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """What `plan` says of some card."""
    folder = tmp_path_factory.mktemp("plan")
    env = {**os.environ, "ZEPHYR_STATE_DIR": str(folder), "ZEPHYR_CACHE_DIR": str(folder)}
    words = [
        sys.executable,
        "-m",
        "zephyr_deploy",
        "plan",
        "--provider",
        "aws",
        "--gpu",
        "l4",
        "--offline",
        "-o",
        "json",
    ]
    return json.loads(subprocess.run(words, env=env, cwd=folder, capture_output=True, check=True).stdout)["data"]


DIFF = {
    "release": "b",
    "same": False,
    "nodes": [{"node": "gpu1", "release": "a", "same": False, "changed": ["engine.sh"], "diff": "-old\n+new\n"}],
}


def called(job):
    return (job.home / "called").read_text()


def test_a_push_redeploys_and_says_what_came_of_it(scripted):
    runner = scripted(
        {"render": (0, "diff", DIFF), "redeploy": (0, "up", UP)},
        variables={"AWS_ROLE": ROLE},
        secrets={"ZEPHYR_DEPLOY_KEY": "a-key"},
        credentials={"AWS_ACCESS_KEY_ID": "of-the-role"},
    )
    job = runner.jobs(EXAMPLES / "deploy.yml", "push")["deploy"]
    ran = job.run()
    assert ran.conclusion == "success", ran.log
    given = "--output json --yes ZEPHYR_GUEST=1h ZEPHYR_DEPLOY_KEY=a-key\n"
    assert called(job) == f"render --diff {given}redeploy --lock-wait 15m {given}"
    assert job.env["AWS_ACCESS_KEY_ID"] == "of-the-role"
    assert ran.outputs == {"endpoint": "http://127.0.0.1:8080"}
    outputs = ran.step("deploy").outputs
    assert outputs["image-digest"] == f"sha256:{'a' * 64}"
    assert (outputs["release"], outputs["cost-per-hour"], outputs["exit-code"]) == ("1f6a0c2b9d3e", "0.80", "")
    assert "### demo: changed" in ran.summary
    assert "```diff\n-old\n+new\n```" in ran.summary
    assert ran.annotations == []
    assert str(ACTIONS / "deploy" / "../../..") in (job.home / "pip.log").read_text(), "the version is the action's"


def test_a_gate_that_is_not_passed_fails_the_job(scripted):
    refused = failed("gate", 8, failures=["ttft_p99 is 812 ms"], release="b", before="a", result="rolled_back")
    ran = scripted({"render": failed("gate", 8), "redeploy": refused}).run(EXAMPLES / "deploy.yml", "push")["deploy"]
    assert ran.conclusion == "failure"
    outputs = ran.step("deploy").outputs
    assert (outputs["result"], outputs["release"], outputs["exit-code"]) == ("rolled_back", "a", "8")
    assert ran.annotations == [("error", {"title": "zephyr-deploy failed (gate)"}, "No.\nttft_p99 is 812 ms")]
    assert "- ttft_p99 is 812 ms" in ran.summary


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (
            {"command": "up", "name": "pr-7", "flags": "--ttl=4h\n\n--spot\n"},
            "up pr-7 --lock-wait 15m --ttl=4h --spot --output json --yes",
        ),
        (
            {"gate": "ttft_p99>400ms\nerrors>1%\n", "locked": "true"},
            "redeploy --locked --lock-wait 15m --fail-if ttft_p99>400ms --fail-if errors>1% --output json --yes",
        ),
        (
            {"command": "down", "config": "a b.toml", "profile": "large"},
            "down --lock-wait 15m --output json --yes --config a b.toml --profile large",
        ),
        ({"command": "gc", "flags": "--expired"}, "gc --expired --output json --yes"),
        (
            {"diff": "true", "locked": "true", "profile": "large"},
            (
                "render --diff --lock zephyr.large.lock --output json --yes --profile large\n"
                "redeploy --locked --lock-wait 15m --output json --yes --profile large"
            ),
        ),
    ],
)
def test_inputs_become_words(scripted, tmp_path, inputs, words):
    diff = {"render": (0, "diff", DIFF)} if "diff" in inputs else {}
    runner = scripted({inputs.get("command", "redeploy"): (0, "up", UP), "ci": (0, "ci", {}), **diff})
    workflow = tmp_path / "workflow.yml"
    step = {"uses": f"x/y/.github/actions/deploy@{'0' * 40}", "with": {"diff": "false", "guest": "", **inputs}}
    job = {"runs-on": "x", "steps": [step]}
    workflow.write_text(yaml.safe_dump({"name": "w", True: "push", "permissions": {}, "jobs": {"one": job}}))
    job = runner.jobs(workflow, "push")["one"]
    assert job.run().conclusion == "success", job.ran.log
    assert called(job) == f"{words}\n"


def test_what_is_no_command_of_the_action_is_refused(scripted):
    ran = scripted({}).run(EXAMPLES / "deploy.yml", "workflow_dispatch", inputs={"command": "ssh; id"})["deploy"]
    assert ran.conclusion == "failure"
    assert "command: ssh; id is none of" in ran.log


def test_what_an_earlier_step_found_is_not_told_of_a_later_one(scripted, tmp_path):
    runner = scripted({"up": (0, "up", UP)})
    uses = f"x/y/.github/actions/deploy@{'0' * 40}"
    steps = [{"uses": uses, "id": name, "with": {"command": name}} for name in ("up", "chat")]
    workflow = tmp_path / "workflow.yml"
    workflow.write_text(yaml.safe_dump({"name": "w", True: "push", "jobs": {"one": {"runs-on": "x", "steps": steps}}}))
    ran = runner.run(workflow, "push")["one"]
    assert ran.conclusion == "failure", ran.log
    assert ran.step("up").outputs["result"] == "changed"
    assert (ran.step("chat").outputs["result"], ran.step("chat").outputs["endpoint"]) == ("interrupted", "")


def test_a_run_that_is_cancelled_tells_the_tool_itself(scripted):
    runner = scripted({"render": failed("x", 6), "redeploy": (None, *failed("interrupted", 130)[1:])})
    job = runner.jobs(EXAMPLES / "deploy.yml", "push")["deploy"]
    thread = threading.Thread(target=job.run)
    thread.start()
    while not (runner.folder / "waits").exists():
        assert thread.is_alive(), job.ran.log
    job.cancel()
    thread.join()
    assert job.ran.conclusion == "cancelled"
    assert job.ran.step("deploy").outputs["result"] == "interrupted"
    assert "failed (interrupted)" in job.ran.summary, "what came of it is said all the same"


def test_nights_are_held_against_each_other(scripted, tmp_path):
    """What was found is kept from run to run; the third night is worse, which fails the job and not the history."""
    measured = simulated([1, 8]).without_gaps().model_dump(mode="json")
    found = {"bench": (0, "bench", measured), "history": (0, "history", []), "compare": (0, "compare", {})}
    job = nightly(scripted(found), 1)
    assert called(job).splitlines()[0] == (
        "bench --fail-if errors>1% --on-node --concurrency=1,8 --requests=64 --save=bench.json --output json --yes "
        "ZEPHYR_GUEST=1h ZEPHYR_DEPLOY_KEY="
    )
    assert "compare" not in called(job), "there is nothing to compare with yet"
    assert (tmp_path / "store/artifacts/bench/bench.json").exists()
    assert job.ran.summary.count(" of 64 |") == 2
    job = nightly(scripted(found), 2)
    assert "compare demo@-2 demo@-1 --fail-if ttft_p90>+20%" in called(job)
    assert re.search(r"^```\n.*\n?```\n", job.ran.summary, re.MULTILINE), "a table of a terminal's is no Markdown"
    job = nightly(scripted({**found, "compare": failed("gate", 8)}), 3, conclusion="failure")
    assert '"kind": "error"' in job.ran.summary
    assert len(list((tmp_path / "store/caches").iterdir())) == 3


def test_a_history_that_cannot_be_read_fails_the_night(scripted):
    measured = simulated([1]).without_gaps().model_dump(mode="json")
    runner = scripted({"bench": (0, "bench", measured), "history": failed("config", 3)})
    (runner.folder / "history.fails").touch()
    nightly(runner, 1, conclusion="failure")


def nightly(runner, run_id, conclusion="success"):
    runner.run_id = run_id
    job = runner.jobs(EXAMPLES / "bench.yml", "schedule")["bench"]
    assert job.run().conclusion == conclusion, job.ran.log
    return job


def pull_request(action="synchronize", repo="octo/endpoint", labels=(), state="", **more):
    about = {
        "number": 7,
        "state": state or ("closed" if action == "closed" else "open"),
        "base": {"sha": "b" * 40},
        "head": {"repo": {"full_name": repo}},
        "labels": [{"name": name} for name in labels],
    }
    return {"action": action, "pull_request": about, **more}


@pytest.fixture
def base(tmp_path):
    """What the pull request would be merged into."""
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "zephyr.toml").write_text('name = "demo"\nprovider = "aws"\n[machine]\ngpu = "a10g"\n')
    return folder


def test_a_pull_request_gets_its_plan_as_a_comment(github, base):
    runner = github({"b" * 40: base}, environment={"HF_ENDPOINT": "http://127.0.0.1:9"})
    ran = runner.run(EXAMPLES / "plan.yml", "pull_request", **pull_request())["plan"]
    assert ran.conclusion == "success", ran.log
    (body,) = comments(runner)
    assert body.startswith("<!-- zephyr-deploy plan -->\n### What zephyr-deploy plans\n")
    assert "NVIDIA L4" in body
    assert re.search(r"\| USD an hour \| \d+\.\d\d \| \d+\.\d\d \|", body), body
    assert body.endswith(ran.summary)


def test_a_fork_gets_its_plan_in_the_summary(scripted, base, plan):
    runner = scripted({"plan": (0, "plan", plan)}, refs={"b" * 40: base})
    ran = runner.run(EXAMPLES / "plan.yml", "pull_request", **pull_request(repo="fork/endpoint"))["plan"]
    assert ran.conclusion == "success", ran.log
    assert comments(runner) == []
    assert "Nothing that was planned changes." in ran.summary


def test_a_lock_that_was_forgotten_fails_after_the_comment(scripted, repository, base, plan):
    (repository / "zephyr.lock").write_text("{}")
    runner = scripted({"plan": (0, "plan", plan), "lock": failed("config", 3)}, refs={"b" * 40: base})
    ran = runner.run(EXAMPLES / "plan.yml", "pull_request", **pull_request())["plan"]
    assert ran.conclusion == "failure", ran.log
    assert len(comments(runner)) == 1


def test_what_does_not_fit_is_said_and_what_was_not_there_before_is_left_out(scripted, base, plan):
    runner = scripted({"plan": (5, "plan", plan)}, refs={"b" * 40: base})
    ran = runner.run(EXAMPLES / "plan.yml", "pull_request", **pull_request())["plan"]
    assert ran.conclusion == "success", ran.log
    assert "changes" not in comments(runner)[0]


def test_a_comment_is_kept_up_to_date_and_others_are_left_alone(github, tmp_path):
    runner = github()
    comments_of(runner).write_text(
        json.dumps([{"id": 1, "user": {"type": "User"}, "body": "<!-- zephyr-deploy plan -->"}])
    )
    workflow = tmp_path / "workflow.yml"
    for key, text in (("plan", "one"), ("preview", "two"), ("plan", "three")):
        workflow.write_text(
            "name: w\non: pull_request\npermissions: {}\njobs:\n  one:\n    runs-on: x\n    steps:\n"
            f"      - run: echo {text} > comment.md\n      - uses: x/y/.github/actions/comment@{'0' * 40}\n"
            f"        with: {{file: comment.md, key: {key}}}\n"
        )
        assert runner.run(workflow, "pull_request", **pull_request())["one"].conclusion == "success"
    assert comments(runner) == [
        "<!-- zephyr-deploy plan -->",
        "<!-- zephyr-deploy plan -->\nthree\n",
        "<!-- zephyr-deploy preview -->\ntwo\n",
    ]


@pytest.mark.parametrize(
    ("event", "runs"),
    [
        (pull_request("labeled", labels=["preview"]), {"up"}),
        (pull_request("synchronize", labels=["bug", "preview"]), {"up"}),
        (pull_request("synchronize"), set()),
        (pull_request("closed", labels=["preview"]), {"down"}),
        (pull_request("unlabeled", label={"name": "preview"}), {"down"}),
        (pull_request("unlabeled", label={"name": "bug"}, labels=["preview"]), {"up"}),
        (pull_request("labeled", repo="fork/endpoint", labels=["preview"]), set()),
        (pull_request("closed", repo="fork/endpoint"), set()),
        (pull_request("labeled", labels=["preview", "released"], state="closed"), set()),
    ],
)
def test_when_a_preview_comes_and_goes(github, event, runs):
    jobs = github().jobs(EXAMPLES / "preview.yml", "pull_request", **event)
    assert {name for name, job in jobs.items() if job.wanted} == runs


def test_a_preview_is_named_after_its_pull_request_and_says_where_it_is(scripted):
    runner = scripted({"up": (0, "up", UP)})
    job = runner.jobs(EXAMPLES / "preview.yml", "pull_request", **pull_request("labeled", labels=["preview"]))["up"]
    assert job.run().conclusion == "success", job.ran.log
    assert called(job).startswith("up pr-7 --lock-wait 15m --ttl=4h ")
    (body,) = comments(runner)
    assert body.startswith("<!-- zephyr-deploy preview -->\n### Preview\n\n`pr-7` serves this pull request at ")
    assert "at `http://127.0.0.1:8080`, for $0.80 an hour.\n`zephyr-deploy chat --name pr-7` speaks" in body
