"""The laptop that began a deployment is gone: the machine ends itself, and what is left is found from anywhere."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from emulators.rehearsal import clouds

UP = ("up", "demo", "--provider", "aws", "--gpu", "a10g", "--yes")
TTL_S = 20
"""Counted from its first look on, which is waited for."""
ENDED_S = 240.0


@pytest.fixture
def rented(lab, tmp_path):
    with clouds(lab, tmp_path) as both:
        yield both


def began(rented, home):
    """An `up` of some laptop; a minute, after which the machine would look again, is long for a test."""
    environ = {**os.environ, **rented.environment(), "ZEPHYR_STATE_DIR": str(home)}
    words = [sys.executable, str(Path(__file__).with_name("looks_often.py")), *UP, "--ttl", f"{TTL_S}s"]
    return subprocess.Popen(words, env=environ, start_new_session=True)


def another(rented, folder, *words):
    """What a command says on a laptop that has nothing but the account."""
    environ = {**os.environ, **rented.environment(), "ZEPHYR_STATE_DIR": str(folder / "another")}
    command = [sys.executable, "-m", "zephyr_deploy", *words]
    return subprocess.run(command, env=environ, check=True, timeout=120, stdout=subprocess.PIPE, text=True).stdout


def kinds(rented, folder):
    """What there is of ours."""
    found = json.loads(another(rented, folder, "ls", "--orphans", "--output", "json"))["data"]
    return {thing["kind"] for orphan in found for thing in orphan["resources"]}


def until(found, seconds, what):
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.5)
    return answer


@pytest.mark.timeout(420, func_only=True)
def test_it_ends_itself_and_nothing_costs_any_more(rented, tmp_path):
    of_aws, _ = rented.machines
    laptop = began(rented, tmp_path / "laptop")
    try:
        (machine,) = until(of_aws.there, 90, "a machine is ordered")
        node = of_aws.node(machine)
        until(lambda: node.exec("test -e /run/zephyr-deploy-expiry.json", check=False).returncode == 0, 90, "it boots")
    finally:
        os.killpg(laptop.pid, signal.SIGKILL)
        laptop.wait()
    shutil.rmtree(tmp_path / "laptop")
    assert node.running
    until(lambda: of_aws.power(machine) == "off", ENDED_S, "it is off")

    until(lambda: kinds(rented, tmp_path) == {"key", "security-group"}, 30, "terminated, it costs nothing")
    another(rented, tmp_path, "gc", "--expired", "--yes")
    assert rented.left() == []
