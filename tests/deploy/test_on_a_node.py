"""The life of a deployment on a real machine: from nothing to tokens, through releases and a reboot, and back."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace

import pytest
from deploy.notify.receiver import receiving
from lab.boot import NodeSpec
from lab.cards import A100
from load import Load

from zephyr_deploy import down, services, smoke, up
from zephyr_deploy.cli import main as program
from zephyr_deploy.deploy.honoured import Honoured
from zephyr_deploy.deploy.locked import lock
from zephyr_deploy.deploy.lockplace import required_lock
from zephyr_deploy.deploy.reach import reached
from zephyr_deploy.deploy.redeploy import redeploy, releases, rollback
from zephyr_deploy.deploy.render import RenderOptions, render
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.deploy.surroundings import Surroundings, surrounded
from zephyr_deploy.errors import ConfigError, EngineFailedError, HookError, NotDeployedError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.release.lockfile import FileMachine, machine_name
from zephyr_deploy.spec.deployment import Deployment, Engine, Limits, Machine, Notify

NAME = "zephyr"


@pytest.fixture(scope="module")
def node(desk):
    """A machine with a card, Docker and the images."""
    return desk.nodes(NodeSpec(card=A100, preload=True))


@pytest.fixture
def wanted(node):
    def make(**changes):
        machine = Machine(host=node.address, user=node.user, identity=str(node.key))
        return Deployment(name=NAME, provider="ssh", machine=machine, **changes)

    return make


@pytest.fixture
def trust(node):
    return RolloutOptions(trust=Trust(fingerprint=node.host_key_fingerprint), prepare=False)


@pytest.fixture
def served(wanted, trust):
    """The plain deployment, serving."""
    return up(wanted(), rollout_options=trust)


@pytest.fixture
def serving(wanted, trust):
    """Whatever release serves; the plain one is brought where none does."""
    found = services(NAME)
    return found[0] if found else up(wanted(), rollout_options=trust).service


def containers(node):
    return sorted(node.exec("docker ps --all --format '{{.Names}}'").stdout.split())


def test_down_where_nothing_ever_was(node):
    assert down(NAME).removed == ()


def test_redeploy_begins_nothing(wanted, trust):
    with pytest.raises(NotDeployedError, match="none of its machines"):
        redeploy(wanted(), trust)


def test_up_serves_real_tokens_over_every_route(node, wanted, trust):
    result = up(wanted(), rollout_options=trust)
    assert (result.changed, result.service.state, result.service.host) == (True, "ready", f"ubuntu@{node.address}")
    with reached(NAME) as endpoint:
        report = smoke(endpoint)
    assert report.passed, report
    assert "Tokyo" in next(check.detail for check in report.checks if check.name == "generate")


def test_up_again_changes_nothing(node, served, wanted, trust):
    before = containers(node)
    result = up(wanted(), rollout_options=trust)
    assert (result.changed, result.release) == (False, served.release)
    assert re.fullmatch(r"ghcr\.io/\S+@sha256:[0-9a-f]{64}", result.image), result.image
    assert {phase.phase for phase in result.phases} == {"connect", "look", "plan"}
    assert containers(node) == before


def test_a_hook_keeps_a_release_from_the_machine_and_a_webhook_hears_of_it(node, served, wanted, trust, tmp_path):
    hook = tmp_path / ".zephyr" / "hooks" / "pre-deploy"
    hook.parent.mkdir(parents=True)
    hook.write_text("#!/bin/sh\necho $HOOK_BEFORE $HOOK_RELEASE > releases\nexit 1\n")
    hook.chmod(0o755)
    address = tmp_path / "webhook"
    address.touch(0o600)
    before = containers(node)
    with receiving() as webhook, surrounded(Surroundings(folder=tmp_path)):
        address.write_text(webhook.address)
        told = Notify(webhook_from=f"file:{address}")
        assert not up(wanted(notify=told), rollout_options=trust).changed, "whom to tell is nothing of the service"
        with pytest.raises(HookError, match="pre-deploy ended with exit code 1"):
            redeploy(wanted(limits=Limits(max_total_tokens=1000), notify=told), trust)
    assert containers(node) == before
    assert services(NAME)[0].release == served.release
    old, new = (tmp_path / "releases").read_text().split()
    assert (old, new != old) == (served.release, True)
    ((kind, data),) = [(sent["type"], sent["data"]) for sent in webhook.bodies]
    assert (kind, data["before"], data["release"], data["exit_code"]) == ("failed", old, new, 8)


def test_a_benchmark_is_kept_with_its_release(served, capsys):
    assert (
        program.main(
            ["bench", NAME, "--allow-bottleneck", "--requests", "2", "--concurrency", "2", "--max-new-tokens", "8"]
        )
        == 0
    )
    assert "releases" not in capsys.readouterr().err
    latest = releases(NAME)[0]
    assert [(level.concurrency, level.succeeded) for level in latest.bench] == [(2, 2)]
    assert latest.bench[0].ttft_p50_ms > 0
    assert program.main(["releases", NAME, "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"][0]["bench"][0]["output_tokens_per_s"] > 0


def test_a_measured_machine_says_how_it_does_meanwhile(served, capsys, tmp_path):
    brief = ["--requests", "4", "--concurrency", "2", "--max-new-tokens", "8", "--client", "native"]
    assert program.main(["bench", NAME, *brief, "--save", str(tmp_path / "report.json")]) == 0
    assert "TTFT" in capsys.readouterr().err
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["environment"]["route"] == "tunnel"
    assert report["environment"]["server"]["gpus"] == ["NVIDIA A100-SXM4-80GB"]
    assert report["environment"]["server"]["engine_version"]
    (level,) = report["levels"]
    server = level["server"]
    assert server["notes"] == []
    assert {"queue", "running", "gpu_use", "gpu_power"} <= {series["name"] for series in server["series"]}
    assert server["energy_j"] == pytest.approx(17.25 * level["seconds"])
    assert {times["name"]: times["n"] for times in server["times"]}["queue"] == 4
    split = server["split"]
    assert split["network_ms"] + split["queue_ms"] + split["engine_ms"] == pytest.approx(level["ttft_ms"]["mean"])


def test_measured_by_the_clock_through_the_tunnel(served, capsys):
    by_the_clock = ["--rate", "8", "--arrivals", "constant", "--requests", "2", "--warmup", "0"]
    brief = ["--max-new-tokens", "4", "--allow-bottleneck", "--no-server-metrics", "--output", "json"]
    assert program.main(["bench", NAME, *by_the_clock, *brief]) == 0
    (level,) = json.loads(capsys.readouterr().out)["data"]["levels"]
    assert (level["errors"], level["succeeded"]) == ({}, 2)
    assert level["ttft_sched_ms"]["p50"] >= level["ttft_ms"]["p50"] > 0


def test_a_benchmark_from_the_node_itself(node, served, capsys):
    """By its own Python: nothing is installed there, and nothing stays."""
    asked = ["bench", NAME, "--on-node", "--requests", "4", "--concurrency", "2", "--max-new-tokens", "8"]
    assert program.main([*asked, "--no-server-metrics", "--output", "json"]) == 0
    report = json.loads(capsys.readouterr().out)["data"]
    (level,) = report["levels"]
    assert (report["measured_from"], level["succeeded"], level["errors"]) == ("node", 4, {})
    assert level["client"]["stamped_share"] > 0
    assert level["rtt_ms"]["p50"] < 1
    assert "onnode" not in node.exec("ps -eo args").stdout


def test_only_loopback_listens(node, served):
    listening = node.exec("ss -Hltn").stdout
    ours = {line.split()[3] for line in listening.splitlines() if ":8080" in line or ":180" in line}
    assert ours
    assert all(address.startswith("127.0.0.1:") for address in ours), ours


@pytest.mark.parametrize("memory_fraction", [None, 0.4], ids=["one after the other", "side by side"])
def test_no_request_fails_while_a_release_is_replaced(serving, wanted, trust, memory_fraction):
    tokens = 2048 if memory_fraction is None else 1024
    engine = Engine(memory_fraction=memory_fraction)
    with reached(NAME) as endpoint, Load(endpoint) as load:
        time.sleep(1)
        result = redeploy(wanted(limits=Limits(max_total_tokens=tokens), engine=engine), trust)
        time.sleep(3)
    assert result.changed
    assert load.failed == {}
    assert load.outcomes["whole"] > 20
    assert "drain" in {phase.phase for phase in result.phases}


def test_a_release_that_does_not_start_leaves_the_old_one(node, serving, wanted, trust):
    """Only its own log says why; nothing of it stays, and no request is lost."""
    with reached(NAME) as endpoint, Load(endpoint) as load:
        with pytest.raises(EngineFailedError, match="memory is too small") as caught:
            redeploy(wanted(engine=Engine(env={"LAB_FAIL": "oom-warmup"})), trust)
        time.sleep(1)
    assert f"release {serving.release} serves again" in caught.value.message
    assert "Not enough memory to handle" in caught.value.details["line"]
    assert load.failed == {}
    assert services(NAME)[0].release == serving.release
    assert len(containers(node)) == 2


def test_rollback_takes_the_last_that_was_good(serving, wanted, trust):
    changed = redeploy(wanted(limits=Limits(max_total_tokens=1536)), trust)
    result = rollback(NAME)
    assert (result.before, result.release) == (changed.release, serving.release)
    assert services(NAME)[0].state == "ready"
    latest, before, *_ = releases(NAME)
    assert (latest.release, latest.event, latest.command, latest.current) == (
        serving.release,
        "active",
        "rollback",
        True,
    )
    assert before.release == changed.release
    assert [line.rpartition(" -> ")[2] for line in before.changes if "max_total_tokens" in line] == ["1536"]


def test_a_lock_is_brought_as_it_is(node, serving, wanted, trust, tmp_path):
    path, wish = tmp_path / "zephyr.lock", wanted(limits=Limits(max_total_tokens=1280))
    locked = lock(wish, path, trust=trust.trust).lock
    machine = FileMachine(gpus=(A100.name,), driver=A100.driver, host_key=node.host_key_fingerprint)
    assert locked.machines == {machine_name(NodeAddress.parse(node.address)): machine}
    assert locked.release != serving.release
    result = redeploy(wish, replace(trust, locked=Honoured(path, required_lock(path))))
    assert (result.release, result.changed) == (locked.release, True)
    assert lock(wish, path, trust=trust.trust).written is False


def test_a_locked_digest_that_no_registry_has_changes_nothing(node, serving, wanted, trust, tmp_path):
    path = tmp_path / "zephyr.lock"
    found = lock(wanted(), path, trust=trust.trust).lock
    gone = found.model_copy(update={"engine": found.engine.model_copy(update={"digest": f"sha256:{'0d' * 32}"})})
    path.write_text(gone.pins.model_dump_json())
    release = render(wanted(), RenderOptions(trust=trust.trust, lock=path)).release
    before = containers(node)
    with pytest.raises(ConfigError, match="cannot be pulled") as caught:
        redeploy(wanted(), replace(trust, locked=Honoured(path, gone.model_copy(update={"release": release}))))
    assert "lock --upgrade" in caught.value.message
    assert containers(node) == before


def test_rollback_to_what_is_not_there(serving):
    with pytest.raises(ConfigError, match="no release 000000000000"):
        rollback(NAME, release="000000000000")


def test_it_returns_after_a_reboot_with_its_key(node, serving):
    key = serving.api_key
    node.reboot()
    deadline = time.monotonic() + 60
    while (service := services(NAME)[0]).state != "ready":
        assert time.monotonic() < deadline, service
        time.sleep(0.5)
    assert (service.release, service.api_key) == (serving.release, key)


def test_down_leaves_nothing_but_what_was_fetched(node, serving):
    result = down(NAME)
    assert [service.release for service in result.stopped] == [serving.release]
    assert services(NAME) == []
    assert containers(node) == []
    left = node.exec(
        "ls -d /opt/zephyr-deploy /run/zephyr-deploy/* /etc/systemd/system/zephyr-* 2>/dev/null", check=False
    )
    assert left.stdout == ""
    assert "models--HuggingFaceH4--zephyr-7b-beta" in node.exec("ls /var/lib/zephyr-deploy/data/hub").stdout
    assert down(NAME).removed == ()


def test_purge_takes_weights_and_images_too(node, wanted, trust):
    up(wanted(), rollout_options=trust)
    removed = down(NAME, purge=True).removed
    assert any("weights of HuggingFaceH4/zephyr-7b-beta" in line for line in removed)
    assert node.exec("find /var/lib/zephyr-deploy -type f").stdout == ""
    assert "text-generation-inference@" not in node.exec("docker images --digests").stdout
