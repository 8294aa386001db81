"""The guides to hooks and to being told say what is so, and the examples beside them run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml
from deploy.notify.receiver import receiving
from emulators.memory import ShowingCloud, offer, only_cloud

from zephyr_deploy.cli.main import main
from zephyr_deploy.deploy import hooks
from zephyr_deploy.deploy.clouds.warn import Warned
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.notify.message import message_of
from zephyr_deploy.deploy.notify.payload import payload
from zephyr_deploy.deploy.notify.signature import signed
from zephyr_deploy.deploy.run import Run
from zephyr_deploy.errors import GateError
from zephyr_deploy.events import Phases
from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.types import Order
from zephyr_deploy.spec.deployment import NOTIFY_EVENTS, Deployment
from zephyr_deploy.spec.load import load
from zephyr_deploy.spec.secret import Secret

ROOT = Path(__file__).resolve().parents[2]
HOOKS = (ROOT / "docs/guides/hooks.md").read_text()
NOTIFY = (ROOT / "docs/guides/notify.md").read_text()
EXAMPLES = sorted((ROOT / "examples/hooks").iterdir())


def block(text, kind):
    return re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL)[1]


def test_the_tables_of_variables_are_those_that_are_set():
    rows = dict(re.findall(r"^\| `(HOOK_\w+)` \| (.*) \|$", HOOKS, re.MULTILINE))
    assert rows == {**hooks.VARIABLES, **hooks.AFTERWARDS}


def test_every_hook_has_an_example_that_can_be_run():
    assert {path.name for path in EXAMPLES} == set(hooks.HOOKS)
    assert all(os.access(path, os.X_OK) for path in EXAMPLES)


@pytest.fixture
def run_hook(tmp_path):
    """Run an example in a folder of its own, with a program of that name in place of ours."""
    called = tmp_path / "called"
    program = tmp_path / "bin" / "zephyr-deploy"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {called}\n')
    program.chmod(0o755)

    def call(name, **given):
        environment = {"PATH": f"{program.parent}:{os.environ['PATH']}", "HOOK_DEPLOYMENT": "demo", **given}
        done = subprocess.run(
            [ROOT / "examples/hooks" / name], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, called.read_text() if called.exists() else ""

    return call


def test_what_is_not_committed_is_not_deployed(run_hook, tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    code, said, _ = run_hook("pre-deploy")
    assert (code, "bin/" in said) == (1, True)
    (tmp_path / ".gitignore").write_text("*\n")
    assert run_hook("pre-deploy")[0] == 0


def test_what_was_deployed_is_asked_something(run_hook):
    assert run_hook("post-deploy") == (0, "", "smoke demo\n")


def test_of_a_failure_a_bundle_is_kept_unless_there_is_no_time(run_hook):
    about = {"HOOK_COMMAND": "redeploy", "HOOK_ERROR": "it is gone"}
    assert run_hook("deploy-failed", **about, HOOK_RESULT="interrupted")[2] == ""
    code, said, called = run_hook("deploy-failed", **about, HOOK_RESULT="failed")
    assert (code, said, called) == (0, "redeploy of demo: failed it is gone\n", "debug-bundle demo\n")


def test_prod_stays_unless_somebody_says_so(run_hook):
    assert run_hook("pre-teardown")[0] == 0
    assert run_hook("pre-teardown", HOOK_DEPLOYMENT="prod")[0] == 1
    assert run_hook("pre-teardown", HOOK_DEPLOYMENT="prod-eu", TEARDOWN="prod")[0] == 1
    assert run_hook("pre-teardown", HOOK_DEPLOYMENT="prod", TEARDOWN="prod")[0] == 0


def test_the_section_is_valid_and_every_event_is_in_the_table(tmp_path):
    path = tmp_path / "zephyr.toml"
    path.write_text(block(NOTIFY, "toml"))
    assert load(config=path, environ={}).deployment.notify.secret_from == "env:DEPLOY_WEBHOOK_SECRET"
    assert tuple(re.findall(r"^\| `(\w+)` \|", NOTIFY, re.MULTILINE)) == NOTIFY_EVENTS


def test_the_body_has_the_fields_of_a_real_one(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    run = Run("demo", "redeploy", Phases(), Journal("demo"), Deployment(name="demo"))
    run.result = "rolled_back"
    outcome = run.ended(datetime.now(timezone.utc), 1.0, GateError("too slow"))
    real, shown = json.loads(payload("webhook", message_of(run, outcome))), json.loads(block(NOTIFY, "json"))
    assert (list(real), set(real["data"])) == (list(shown), set(shown["data"]))
    others = re.search(r"have other fields in `data`: (.*?)\. New", NOTIFY, re.DOTALL)[1]
    assert set(re.findall(r"`(\w+)`", others)) == set(Warned.model_fields) - {"event", "deployment"}


def test_the_step_of_a_workflow_tells_slack(tmp_path, monkeypatch):
    cloud = ShowingCloud()
    only_cloud(cloud, monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    soon = datetime.now(timezone.utc) + timedelta(minutes=30)
    stamp = Stamp(deployment="demo", run="0" * 8, expires=soon)
    key = "ssh-ed25519 AAAA"
    cloud.create(Order(stamp=stamp, offer=offer(), token="t", public_key=key, allowed="0.0.0.0/0", disk_gb=100))
    (step,) = yaml.safe_load(block(NOTIFY, "yaml"))
    with receiving() as slack:
        for name, value in step["env"].items():
            monkeypatch.setenv(name, value.replace("${{ secrets.SLACK_WEBHOOK_URL }}", slack.address))
        assert main(step["run"].split()[1:]) == 0
    assert slack.bodies[0]["text"].startswith(":hourglass: demo ends in 30m, at 20")


def test_what_it_says_of_the_signature_checks_a_real_one():
    told = {}
    exec(block(NOTIFY, "python"), told)
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"type":"failed"}'
    headers = signed(body, "run_0a1b2c3d_failed", 1614265330, Secret(secret))
    assert told["is_ours"](secret, headers, body)
    assert not told["is_ours"](secret, headers, body + b" ")
    assert not told["is_ours"](secret, {**headers, "webhook-timestamp": "1614265331"}, body)
