"""One deployment on two machines: each gateway spreads requests over both, and a release goes over node by node."""

from __future__ import annotations

import json
import time

import pytest
from lab.boot import NodeSpec
from lab.cards import A100
from lab.node import share_key
from lab.waiting import wait_for
from load import Load

from zephyr_deploy import down, services, status, up
from zephyr_deploy.cli import main as program
from zephyr_deploy.deploy.reach import reached
from zephyr_deploy.deploy.redeploy import redeploy, releases
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.node.knownhosts import write_private
from zephyr_deploy.spec.deployment import Deployment, Engine, Limits, Machine

NAME = "pair"


@pytest.fixture(scope="module")
def nodes(desk):
    """Two machines whose keys the user has accepted before."""
    return desk.nodes.many(NodeSpec(card=A100, preload=True), NodeSpec(card=A100, preload=True))


@pytest.fixture(scope="module")
def trust(nodes, tmp_path_factory):
    known = tmp_path_factory.mktemp("known") / "known_hosts"
    write_private(known, "".join(f"{node.address} {node.host_key}\n" for node in nodes))
    return RolloutOptions(trust=Trust(known=(known,)), prepare=False)


@pytest.fixture
def wanted(nodes):
    def make(**changes):
        # The two share no key in the lab: each address names its own by the user's ssh configuration, here by hosts.
        machine = Machine(
            host=nodes[0].address, hosts=(nodes[1].address,), user=nodes[0].user, identity=str(nodes[0].key)
        )
        return Deployment(name=NAME, provider="ssh", machine=machine, **changes)

    return make


@pytest.fixture(scope="module", autouse=True)
def one_key(nodes):
    """The second machine lets the first one's key in, too."""
    share_key(*nodes)


def served_by(node):
    """Requests that this machine's engine has answered."""
    metrics = node.exec(
        "curl -s http://127.0.0.1:$(sed -n s/ZEPHYR_PORT=//p /opt/zephyr-deploy/*/ports/*.env | tail -1)/metrics"
    )
    return sum(
        float(line.split()[-1]) for line in metrics.stdout.splitlines() if line.startswith("tgi_request_success")
    )


def test_both_serve_one_release_and_share_the_requests(nodes, wanted, trust):
    result = up(wanted(), rollout_options=trust)
    assert [service.state for service in result.services] == ["ready", "ready"]
    assert {service.release for service in result.services} == {result.release}
    assert result.services[0].api_key == result.services[1].api_key
    before = [served_by(node) for node in nodes]
    with reached(NAME) as endpoint, Load(endpoint, clients=4) as load:
        wait_for(lambda: all(served_by(node) > count + 3 for node, count in zip(nodes, before, strict=True)))
    assert load.failed == {}


def test_up_again_changes_nothing(wanted, trust):
    result = up(wanted(), rollout_options=trust)
    assert not result.changed
    assert {phase.phase for phase in result.phases} == {"connect", "look", "plan"}


def test_one_machine_alone_can_be_asked(nodes, wanted, capsys, tmp_path):
    """By the pin that it has as one of several: a benchmark leaves its figures on the first, and both are watched."""
    file = tmp_path / "report.json"
    brief = ["--requests", "2", "--concurrency", "1", "--max-new-tokens", "4", "--save", str(file)]
    assert program.main(["bench", NAME, "--allow-bottleneck", *brief]) == 0
    report = json.loads(file.read_text())
    assert report["environment"]["server"]["machines"] == 2
    names = {series["name"] for series in report["levels"][0]["server"]["series"]}
    assert {f"{kind}@{nodes[0].user}@{node.address}" for kind in ("queue", "gpu_power") for node in nodes} <= names
    assert "releases" not in capsys.readouterr().err
    assert releases(NAME)[0].bench[0].succeeded == 2


def test_status_has_a_line_for_each(nodes, capsys):
    assert program.main(["status", NAME]) == 0
    table = capsys.readouterr().out
    assert "GPU MEMORY" in table
    for node in nodes:
        line = next(line for line in table.splitlines() if node.address in line)
        assert "ready" in line
        assert "GiB" in line


@pytest.mark.long  # a gateway beside its engine: test_on_a_node; node by node: test_gateway_apart
def test_a_release_goes_over_node_by_node_and_no_request_fails(nodes, wanted, trust):
    with reached(NAME) as endpoint, Load(endpoint) as load:
        time.sleep(1)
        result = redeploy(wanted(limits=Limits(max_total_tokens=2048)), trust)
        time.sleep(3)
    assert load.failed == {}
    assert {service.release for service in services(NAME)} == {result.release}
    phases = [phase.phase for phase in result.phases if phase.phase.endswith(":ready")]
    assert phases == [f"ubuntu@{node.address}:ready" for node in nodes]


def test_the_failure_of_one_is_told_with_how_the_other_ended(nodes, wanted, trust):
    """Changed on none: a release that fails on the first machine is not brought to the second."""
    with pytest.raises(ZephyrError) as caught:
        redeploy(wanted(engine=Engine(env={"LAB_FAIL": "oom-warmup"})), trust)
    assert f"ubuntu@{nodes[0].address}: " in caught.value.message
    assert "0 of 2 machines ended well" in caught.value.message
    assert [service.state for service in services(NAME)] == ["ready", "ready"]


def test_the_engines_of_a_machine_that_is_gone_get_no_more_requests(nodes, wanted):
    nodes[1].pause()
    try:
        time.sleep(12)
        with reached(NAME) as endpoint, Load(endpoint) as load:
            wait_for(lambda: load.outcomes["whole"] > 10)
        assert load.failed == {}
        found = status(NAME)
        assert [machine.state for machine in found.machines] == ["ready", "unreachable"]
        assert found.state == "unreachable"
    finally:
        nodes[1].unpause()


KNOCK = r"""
import socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with context.wrap_socket(socket.create_connection((sys.argv[1], 8081), 5), server_hostname=sys.argv[2]) as wire:
    wire.settimeout(10)
    wire.sendall(b"GET /health HTTP/1.1\r\nHost: %s:8081\r\n\r\n" % sys.argv[2].encode())
    try:
        print(wire.recv(1000).decode())
    except OSError:
        print("closed")
"""


def test_only_machines_of_the_deployment_may_use_the_port_between_them(lab, nodes):
    knock = ("python3", "-c", KNOCK, nodes[0].address, f"zephyr-{NAME}.internal")
    asked = {name: lab.docker.try_("exec", name, *knock) for name in (nodes[1].name, lab.services)}
    peer, stranger = (asked[name].stdout.decode() for name in (nodes[1].name, lab.services))
    assert "200 OK" in peer
    assert "HTTP" not in stranger
    assert asked[lab.services].returncode in {0, 1}


def test_down_takes_it_off_both(nodes, wanted):
    assert len(down(NAME).stopped) == 2
    for node in nodes:
        assert node.exec("docker ps --all --quiet").stdout == ""
