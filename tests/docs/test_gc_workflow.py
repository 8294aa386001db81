"""The scheduled workflow of examples/github does what it says: its commands are run, on a cloud in memory."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml
from emulators.memory import ShowingCloud, offer, only_cloud

from zephyr_deploy.cli.main import main
from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.types import Order
from zephyr_deploy.spec.durations import parse_duration

WORKFLOW = yaml.safe_load((Path(__file__).resolve().parents[2] / "examples/github/gc.yml").read_text())
JOBS = WORKFLOW["jobs"]


def commands(job):
    lines = [line for step in JOBS[job]["steps"] for line in step.get("run", "").splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("zephyr-deploy")]


def test_it_runs_every_hour_one_at_a_time_with_no_rights_that_it_does_not_need():
    assert WORKFLOW[True]["schedule"] == [{"cron": "17 * * * *"}]  # YAML takes `on` for true
    assert (WORKFLOW["permissions"], WORKFLOW["concurrency"]["cancel-in-progress"]) == ({}, False)
    assert [job.get("permissions") for job in JOBS.values()] == [{"id-token": "write"}, None]


def test_the_secrets_are_given_to_the_last_step_alone_and_have_the_names_that_are_read():
    *before, last = JOBS["e2e"]["steps"]
    assert "secrets." not in str(before)
    assert set(last["env"]) == {"E2E_API_KEY", "E2E_AUTH_TOKEN", "E2E_PROJECT_ID", "SLACK_WEBHOOK_URL"}


@pytest.mark.parametrize("job", JOBS)
def test_what_ends_is_told_before_it_has_also_where_a_run_begins_late(job):
    (command,) = commands(job)
    assert parse_duration(command[command.index("--warn") + 1]) >= timedelta(hours=1.5)


@pytest.mark.parametrize("job", JOBS)
def test_what_is_over_is_gone_afterwards_and_nothing_else(job, monkeypatch, tmp_path, capsys):
    cloud = ShowingCloud()
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    only_cloud(cloud, monkeypatch)
    for name, hours in (("over", -1), ("young", 1), ("never", None)):
        expires = datetime.now(timezone.utc) + timedelta(hours=hours) if hours else None
        stamp = Stamp(deployment=name, run="0" * 8, expires=expires)
        key = "ssh-ed25519 AAAA"
        cloud.create(Order(stamp=stamp, offer=offer(), token=name, public_key=key, allowed="0.0.0.0/0", disk_gb=100))
    (command,) = commands(job)
    assert main(command[1:]) == 0
    assert {instance.stamp.deployment for instance in cloud.instances()} == {"young", "never"}
    assert main(command[1:]) == 0, "an hour later there is nothing to do"
