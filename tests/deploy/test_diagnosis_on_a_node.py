"""What a person sees of a deployment on a real machine: status, logs, doctor, the bundle, and why a start failed."""

from __future__ import annotations

import json
import tarfile
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from lab.boot import NodeSpec
from lab.cards import A100

from zephyr_deploy import down, logs, status, up
from zephyr_deploy.cli import main as program
from zephyr_deploy.deploy.bundle import debug_bundle
from zephyr_deploy.deploy.doctor_node import doctor_nodes
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.errors import ConfigError, DeadlineError, EngineFailedError, NotDeployedError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.spec.deployment import Deployment, Engine, Machine
from zephyr_deploy.spec.load import load

NAME = "watched"


@pytest.fixture(scope="module")
def node(desk):
    """A machine with a card, Docker and the images."""
    desk.patch.chdir(desk.folder)
    return desk.nodes(NodeSpec(card=A100, preload=True))


@pytest.fixture(scope="module")
def wanted(node):
    def make(**engine):
        machine = Machine(host=node.address, user=node.user, identity=str(node.key))
        env = engine.pop("env", {})
        return Deployment(name=NAME, provider="ssh", machine=machine, engine=Engine(env=env, **engine))

    return make


@pytest.fixture(scope="module")
def options(node):
    return RolloutOptions(trust=Trust(fingerprint=node.host_key_fingerprint), prepare=False, ready_deadline_s=60)


@pytest.fixture(scope="module")
def served(wanted, options):
    """The plain deployment, serving; all that fails here leaves it so."""
    return up(wanted(), rollout_options=options)


@pytest.fixture
def attempt(served, wanted, options):
    """An `up` of something else, while the plain one serves."""

    def run(*, ready_s=60.0, **engine):
        return up(wanted(**engine), rollout_options=replace(options, ready_deadline_s=ready_s))

    return run


def test_status_has_the_figures_of_the_machine(served, capsys):
    result = status(NAME)
    (machine,) = result.machines
    assert (result.state, machine.state, machine.service.release) == ("ready", "ready", served.release)
    assert machine.gpus[0].name.startswith("NVIDIA A100")
    assert machine.figures.running == machine.figures.queued == 0
    assert machine.figures.tokens_per_s == 0
    assert machine.figures.requests >= 1
    assert machine.figures.mean_tokens_per_s > 0
    assert (machine.restarts, machine.held, machine.work) == (0, False, "")
    assert machine.engine_version == "3.3.6-dev0"
    assert machine.image.endswith(":3.3.7")
    assert machine.uptime_s > 0
    assert program.main(["status", NAME]) == 0
    assert "GiB" in capsys.readouterr().out


def test_status_of_a_machine_that_is_away_is_shown_and_not_raised(node, served, capsys):
    node.pause()
    try:
        assert program.main(["status", NAME, "-o", "json"]) == 7
    finally:
        node.unpause()
    (machine,) = json.loads(capsys.readouterr().out)["data"]["machines"]
    assert machine["state"] == "unreachable"
    assert machine["detail"]


def test_logs_are_chosen_on_the_machine(served):
    assert len(list(logs(NAME, lines=3))) == 3
    (ready,) = logs(NAME, grep=r"Shard ready in [0-9.]+s")
    assert "Shard ready" in ready
    assert "Successfully downloaded" in list(logs(NAME, phase="download"))[-1]
    assert "Setting max batch total tokens" in list(logs(NAME, phase="warm-up"))[-1]
    assert list(logs(NAME, since=datetime.now(timezone.utc) + timedelta(minutes=5))) == []
    assert list(logs(NAME, since=datetime.now(timezone.utc) - timedelta(minutes=50), phase="load"))
    assert not any("text_generation" in line for line in logs(NAME, source="gateway"))
    assert any("level=info" in line for line in logs(NAME, source="docker"))
    with pytest.raises(ConfigError, match="no phase"):
        list(logs(NAME, phase="nonsense"))
    with pytest.raises(NotDeployedError, match="no machine"):
        list(logs(NAME, host="gpu9"))


def test_doctor_sees_all_from_there(node, served, wanted):
    address = NodeAddress(host=node.address, user=node.user, identity=node.key)
    checks = {check.name: check for check in doctor_nodes(wanted(), [address], Trust())}
    assert {name for name, check in checks.items() if check.verdict == "failed"} == set()
    assert {"ssh", "sudo", "docker", "gpu", "driver", "hub", "port 8080", "registry of caddy:2"} <= set(checks)
    with node.fault("hub", status=503):
        checks = {check.name: check for check in doctor_nodes(wanted(), [address], Trust())}
    assert checks["hub"].verdict == "failed"
    assert "503" in checks["hub"].detail


def test_the_bundle_has_everything_but_secrets(node, served, desk):
    found = debug_bundle(NAME, desk.folder / "bundle.tar.gz", load)
    assert found.missing == ()
    with tarfile.open(found.path) as archive:
        files = {one.name: archive.extractfile(one).read().decode() for one in archive.getmembers()}
    names = " ".join(files)
    for part in (
        "machine.json",
        "engine.sh",
        "Caddyfile",
        "metrics.txt",
        "docker-ps.txt",
        "journal.jsonl",
        "route.json",
    ):
        assert part in names
    assert any("Connected" in text for name, text in files.items() if name.endswith(".log"))
    key = served.service.api_key.get_secret_value()
    assert [name for name, text in files.items() if key in text] == []


@pytest.mark.parametrize(
    ("failure", "words"),
    [("shm", "shared memory"), ("crash-loop", "does not match the weights")],
)
def test_a_start_that_fails_ends_at_once_with_cause_line_and_log(attempt, failure, words):
    with pytest.raises(EngineFailedError, match=words) as caught:
        attempt(env={"LAB_FAIL": failure})
    assert caught.value.hint
    assert caught.value.details["line"] in "\n".join(caught.value.details["log"])
    assert any("LAB" in line or "Shard" in line for line in logs(NAME))


def test_a_start_that_hangs_ends_at_its_deadline(attempt):
    with pytest.raises(DeadlineError, match="within 5 s") as caught:
        attempt(env={"LAB_FAIL": "hang-load"}, ready_s=5)
    assert "it was at: load" in caught.value.message
    assert status(NAME).state == "ready"


def test_logs_are_followed_over_a_redeploy_until_all_is_gone(served, attempt):
    heard: list[str] = []
    follower = threading.Thread(target=lambda: heard.extend(logs(NAME, lines=0, follow=True)))
    follower.start()
    result = attempt(env={"MAX_STOP_SEQUENCES": "7"})
    assert result.release != served.release
    down(NAME)
    follower.join(60)
    assert not follower.is_alive()
    assert any("Connected" in line for line in heard), "of the new release"
