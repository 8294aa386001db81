"""Hooks beside the zephyr.toml in use, as the command line finds them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest
from emulators.memory import MemoryCloud, only_cloud

from zephyr_deploy.cli.main import main


@pytest.fixture
def refusing(tmp_path):
    """A folder with a zephyr.toml, and hooks that say no before anything; each call leaves a line."""
    (tmp_path / "zephyr.toml").write_text('name = "demo"\n')
    hooks = tmp_path / ".zephyr" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("pre-deploy", "pre-teardown"):
        path = hooks / name
        path.write_text(f'#!/bin/sh\necho "$HOOK_NAME $HOOK_DEPLOYMENT" | tee -a {tmp_path}/calls\nexit 1\n')
        path.chmod(0o755)
    return tmp_path


def calls(folder):
    path = folder / "calls"
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("words", [("down",), ("down", "demo"), ("--config", "zephyr.toml", "down", "demo")])
def test_a_hook_stops_a_teardown(refusing, capsys, words):
    assert main([*words, "--output", "json"]) == 8
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["details"]["output"]) == ("hook", ["pre-teardown demo"])
    assert calls(refusing) == ["pre-teardown demo"]


def test_its_output_is_on_stderr_and_goes_with_the_error(refusing, capsys):
    assert main(["down"]) == 8
    said = capsys.readouterr()
    assert said.out == ""
    assert "pre-teardown: pre-teardown demo" in said.err
    assert "Error: the hook pre-teardown ended with exit code 1" in said.err
    assert "--skip-hooks goes on without hooks" in said.err


def test_none_is_run_with_skip_hooks_or_of_another_folder(refusing, monkeypatch):
    assert main(["down", "--skip-hooks"]) == 0
    elsewhere = refusing / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)  # outside of a repository, only the folder itself is looked at
    assert main(["down", "demo"]) == 0
    assert calls(refusing) == []


def test_a_file_that_cannot_be_read_keeps_no_teardown_from_being_asked_about(refusing, capsys):
    (refusing / "zephyr.toml").write_text("nonsense = 1\n")
    assert main(["down", "demo"]) == 8
    assert calls(refusing) == ["pre-teardown demo"]
    assert "Warning: Nobody will be told how this ends" in capsys.readouterr().err
    assert main(["down", "demo", "--skip-hooks"]) == 0


def test_a_named_deployment_goes_also_where_the_folder_is_gone_or_the_variable_is_empty(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(["down", "demo"]) == 0
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZEPHYR_CONFIG", "")
    assert main(["down", "demo"]) == 0


def test_a_hook_stops_an_order_before_a_machine_costs_anything(refusing, monkeypatch, capsys):
    cloud = MemoryCloud()
    only_cloud(cloud, monkeypatch)
    assert main(["up", "--provider", "aws", "--gpu", "a10g", "--yes"]) == 8
    assert calls(refusing) == ["pre-deploy demo"]
    assert (cloud.there, "create" in cloud.calls) == ({}, False)
    assert "zephyr-deploy down" not in capsys.readouterr().err, "nothing was made that would have to go"


def test_a_job_that_is_cancelled_ends_the_hook_that_runs_and_still_calls_the_last_one(refusing):
    """GitHub sends SIGINT, 7.5 s later SIGTERM, and kills 2.5 s after that."""
    hooks = refusing / ".zephyr" / "hooks"
    (hooks / "pre-deploy").write_text(f"#!/bin/sh\necho $$ > {refusing}/pid\necho begun\nsleep 60\n")
    (hooks / "deploy-failed").write_text(f'#!/bin/sh\necho "$HOOK_RESULT $HOOK_EXIT_CODE" > {refusing}/ended\n')
    (hooks / "deploy-failed").chmod(0o755)
    program = subprocess.Popen([sys.executable, "-c", CANCELLED], cwd=refusing, stderr=subprocess.PIPE, text=True)
    while "begun" not in (line := program.stderr.readline()):
        assert line, "it ended before its hook began"
    program.send_signal(signal.SIGTERM)
    start = time.monotonic()
    _out, err = program.communicate(timeout=60)
    assert (program.returncode, "Interrupted." in err) == (130, True)
    assert time.monotonic() - start < 20, "seconds on an idle machine"
    assert (refusing / "ended").read_text() == "interrupted 130\n"
    assert not _alive(int((refusing / "pid").read_text()))


def _alive(group):
    """Whether a process of that group still runs; one that nobody has fetched its end of does not."""
    for process in psutil.process_iter(["status"]):
        with suppress(ProcessLookupError):
            if os.getpgid(process.pid) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                return True
    return False


CANCELLED = """
import sys
from zephyr_deploy.cli import main as program
from zephyr_deploy.deploy.run import running
from zephyr_deploy.events import Phases

def work(session, deployment):
    with session.surrounding(deployment, skip_hooks=False), session.out.listening() as listener:
        with running("demo", "up", Phases(listener), deployment) as run:
            run.about_to("deploy")

def call(argv, call):
    from zephyr_deploy.cli.session import GlobalOptions, Session
    session = Session.of(GlobalOptions())
    work(session, session.load().deployment)

program._call = call
program.run()
"""
