"""Two laptops deploy to one node at the same time: one works, the other is told who does, or waits for its turn."""

from __future__ import annotations

import json

import pytest
from chaos.nodes.laptop import NAME, At

from zephyr_deploy import services
from zephyr_deploy.node import program

TURN_S = 120.0
HOLDER = "$(grep -o '\"pid\": [0-9]*' /opt/zephyr-deploy/faulty/lock.json | cut -d ' ' -f 2)"
"""In a shell on the node: the process that holds the lock there."""


@pytest.fixture
def other(laptop, tmp_path):
    """Starts `up` on another laptop, of which nothing but the node is shared."""
    node, running = laptop.node, []

    def start(*flags):
        machine = ["--provider", "ssh", "--host", node.address, "--user", node.user, "--identity", str(node.key)]
        trust = ["--host-key", node.host_key_fingerprint, "--no-prepare", "--output", "json"]
        command = ["-m", "zephyr_deploy", "up", NAME, *machine, *trust, "--max-total-tokens", "2048", *flags]
        running.append(laptop.run(command, home=tmp_path))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_one_works_and_the_other_is_told_who_or_waits(laptop, other, monkeypatch):
    """The one that works is stopped for as long as the other needs to see that."""
    monkeypatch.setattr(program, "IDLE_S", TURN_S)
    laptop.down()
    told, waiting = [], []

    def meanwhile():
        laptop.node.exec(f"kill -STOP {HOLDER}")
        impatient = other()
        told.extend([impatient.communicate(timeout=TURN_S)[0], impatient.returncode])
        waiting.append(other("--lock-wait", "2m"))
        told.append(next(line for line in waiting[0].stderr if "Waiting for" in line))
        laptop.node.exec(f"kill -CONT {HOLDER}")

    first = laptop.up(listener=At("before weights", meanwhile))
    said, _ = waiting[0].communicate(timeout=TURN_S)
    refusal, code, notice = told
    assert (code, waiting[0].returncode) == (9, 0)
    refusal = json.loads(refusal)["error"]
    assert "is locked on the node by `up` of " in refusal["message"]
    assert "--lock-wait" in refusal["hint"]
    assert "Waiting for `up` of " in notice
    second = json.loads(said)["data"]
    assert second["release"] != first.release
    laptop.assert_serves(second["release"])
    assert services(NAME)[0].api_key == first.service.api_key, "those who have the first one's key are not locked out"
