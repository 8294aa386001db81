"""Two nodes behind a gateway on a machine of its own, which has no GPU, no key, and no engine."""

from __future__ import annotations

import ssl
from dataclasses import replace

import httpx
import pytest
from lab.boot import NodeSpec
from lab.cards import A100
from lab.node import share_key
from lab.waiting import wait_for
from load import Load

from zephyr_deploy import down, logs, services, status, up
from zephyr_deploy.cli.main import main
from zephyr_deploy.deploy.authority import authority_of
from zephyr_deploy.deploy.doctor_node import doctor_nodes
from zephyr_deploy.deploy.reach import reached
from zephyr_deploy.deploy.redeploy import redeploy
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.deploy.shell import run_ssh
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.node.knownhosts import write_private
from zephyr_deploy.node.program import call
from zephyr_deploy.providers.nodes.connect import connect_noted
from zephyr_deploy.providers.nodes.look import read_status
from zephyr_deploy.providers.nodes.record import record_of
from zephyr_deploy.release.request import status_request
from zephyr_deploy.spec.deployment import Access, Deployment, Limits, Machine

NAME = "apart"
HELLO = {"inputs": "Hi", "parameters": {"max_new_tokens": 4}}


@pytest.fixture(scope="module")
def machines(desk):
    """Two nodes and a machine without a card; the key of the first lets one in to all of them."""
    node = NodeSpec(card=A100, preload=True)
    found = desk.nodes.many(node, node, replace(node, card=None))
    share_key(*found)
    return found


@pytest.fixture(scope="module")
def nodes(machines):
    return machines[:2]


@pytest.fixture(scope="module")
def gateway(machines):
    return machines[2]


@pytest.fixture(scope="module")
def options(desk, machines):
    known = desk.folder / "known_hosts"
    write_private(known, "".join(f"{node.address} {node.host_key}\n" for node in machines))
    return RolloutOptions(trust=Trust(known=(known,)), prepare=False)


@pytest.fixture(scope="module")
def wanted(nodes, gateway):
    def make(**changes):
        first, second = (node.address for node in nodes)
        where = {"host": first, "hosts": (second,), "gateway": gateway.address}
        machine = Machine(**where, user=nodes[0].user, identity=str(nodes[0].key))
        return Deployment(**{"name": NAME, "access": Access(expose=True), **changes}, provider="ssh", machine=machine)

    return make


def served_by(node):
    """Requests that this machine's engine has answered."""
    metrics = node.exec(
        "curl -s http://127.0.0.1:$(sed -n s/ZEPHYR_PORT=//p /opt/zephyr-deploy/*/ports/*.env | tail -1)/metrics"
    )
    return sum(
        float(line.split()[-1]) for line in metrics.stdout.splitlines() if line.startswith("tgi_request_success")
    )


@pytest.fixture(scope="module")
def brought(wanted, options):
    return up(wanted(), rollout_options=options)


def test_requests_reach_both_nodes(nodes, brought):
    assert [service.state for service in brought.services] == ["ready", "ready"]
    before = [served_by(node) for node in nodes]
    with reached(NAME) as endpoint, Load(endpoint, clients=4):
        wait_for(lambda: all(served_by(node) > count + 3 for node, count in zip(nodes, before, strict=True)))


def test_up_again_changes_nothing(brought, wanted, options):
    result = up(wanted(), rollout_options=options)
    assert not result.changed
    assert {phase.phase for phase in result.phases} == {"connect", "look", "plan"}


def test_the_gateway_has_no_key_and_no_engine(gateway, brought):
    assert gateway.exec("docker ps --all --format '{{.Names}}'").stdout.split() == [f"zephyr-{NAME}-gateway"]
    key = brought.service.api_key.get_secret_value()
    kept = "/opt/zephyr-deploy /run/zephyr-deploy /etc/systemd/system"
    assert gateway.exec(f"grep -rlF -- '{key}' {kept} || true").stdout == ""


def test_others_reach_it_at_the_gateway_alone(nodes, gateway, brought):
    service = brought.service
    assert service.public_url == f"https://{gateway.address}"
    context = ssl.create_default_context(cafile=str(authority_of(service)))
    with httpx.Client(base_url=service.public_url, verify=context, trust_env=False, timeout=60) as client:
        assert client.post("/generate", json=HELLO).status_code == 401
        given = {"Authorization": f"Bearer {service.api_key.get_secret_value()}"}
        assert client.post("/generate", json=HELLO, headers=given).json()["generated_text"]
        assert client.get("/metrics", headers=given).status_code == 404
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"https://{nodes[0].address}/health", trust_env=False, verify=False)


KNOCK = r"""
import socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with context.wrap_socket(socket.create_connection((sys.argv[1], 8081), 5), server_hostname=sys.argv[2]) as wire:
    wire.settimeout(20)
    wire.sendall(b"GET /health HTTP/1.1\r\nHost: %s:8081\r\n\r\n" % sys.argv[2].encode())
    print(wire.recv(1000).decode() or "closed")
"""


def test_only_the_gateway_may_use_the_port_between_machines(lab, nodes, gateway, brought):
    knock = ("python3", "-c", KNOCK, nodes[0].address, f"zephyr-{NAME}.internal")
    asked = [lab.docker.try_("exec", name, *knock) for name in (gateway.name, nodes[1].name, lab.services)]
    said = [(done.stdout + done.stderr).decode() for done in asked]
    assert "200 OK" in said[0]
    assert all("HTTP" not in words for words in said[1:])
    assert all("closed" in words or "reset" in words.lower() or "EOF" in words for words in said[1:]), said


def test_status_logs_and_ssh_know_it(gateway, brought, capfd):
    assert main(["status", NAME]) == 0
    assert f"{gateway.address} (gateway)" in capfd.readouterr().out
    found = status(NAME)
    assert (found.state, [machine.role for machine in found.machines]) == ("ready", ["node", "node", "gateway"])
    assert list(logs(NAME, source="gateway", lines=1))
    with pytest.raises(ConfigError, match="no engine is on it"):
        list(logs(NAME, host=gateway.address))
    assert run_ssh(NAME, ("hostname",), host=gateway.address) == 0
    assert capfd.readouterr().out.strip() == gateway.name


def test_doctor_asks_it_for_less(nodes, gateway, wanted, options):
    address, *others = (NodeAddress(host=m.address, user=m.user, identity=nodes[0].key) for m in (gateway, *nodes))
    checks = doctor_nodes(wanted(), others, options.trust, gateway=address)
    assert [check for check in checks if check.verdict == "failed"] == []
    names = {check.name for check in checks if check.host == str(address)}
    assert {"docker", "registry of caddy:2", "port 443"} <= names
    assert not {"gpu", "hub", "driver", "port 8081"} & names


def test_a_port_that_is_taken_is_refused_before_anything_is_touched(nodes, gateway, wanted, options):
    with pytest.raises(ConfigError, match=rf"port 443 of ubuntu@{gateway.address} is taken by caddy"):
        up(wanted(name="second", access=Access(port=8090, expose=True)), rollout_options=options)
    for node in nodes:
        assert "zephyr-second" not in node.exec("docker ps --all --format '{{.Names}}'").stdout


def test_what_a_call_that_was_cut_off_left_there_is_completed(nodes, gateway, wanted, options):
    """Caddy runs, and nothing says yet what it is; nor is a request cut for it."""
    gateway.exec(f"rm /opt/zephyr-deploy/{NAME}/state.json")
    with reached(NAME) as endpoint, Load(endpoint) as load:
        result = up(wanted(), rollout_options=options)
    assert load.failed == {}
    assert result.changed
    assert not any(phase.phase.startswith(f"ubuntu@{node.address}:") for phase in result.phases for node in nodes)
    assert not up(wanted(), rollout_options=options).changed


def test_up_without_it_leaves_it_nowhere(wanted, options):
    alone = wanted()
    alone = alone.model_copy(update={"machine": alone.machine.model_copy(update={"gateway": None})})
    with pytest.raises(ConfigError, match="which is not among the machines"):
        up(alone, rollout_options=options)


def test_a_release_goes_over_node_by_node_and_no_request_fails(nodes, gateway, brought, wanted, options):
    with reached(NAME) as endpoint, Load(endpoint) as load:
        result = redeploy(wanted(limits=Limits(max_total_tokens=2048)), options)
    assert load.failed == {}
    assert load.outcomes["whole"] > 5
    assert {service.release for service in services(NAME)} == {result.release}
    done = [phase.phase for phase in result.phases if phase.phase.endswith(":ready")]
    assert done == [f"ubuntu@{node.address}:ready" for node in nodes]
    assert not any(phase.phase.startswith(f"ubuntu@{gateway.address}:") for phase in result.phases)


def test_a_node_that_is_gone_gets_no_more_requests(nodes, gateway, brought):
    """Its gateway's own view of it is told, too; the machine itself would be asked for long by `status`."""
    health = f'caddy_reverse_proxy_upstreams_healthy{{upstream="{nodes[1].address}:8081"}}'
    metrics = f"curl -sS --unix-socket /run/zephyr-deploy/{NAME}/admin.sock http://admin/metrics"
    record = record_of(NAME)
    with reached(NAME) as endpoint:
        # Caddy brings that figure up to date every ten seconds: it may still be of a test before
        wait_for(lambda: f"{health} 1" in gateway.exec(metrics).stdout)
        nodes[1].pause()
        try:
            wait_for(lambda: f"{health} 0" in gateway.exec(metrics).stdout)
            with Load(endpoint) as load:
                wait_for(lambda: load.outcomes["whole"] > 10)
            assert load.failed == {}
            with connect_noted(record, record.gateway) as connection:
                found = call(connection, "status_front", status_request(NAME), deadline_s=60)
            state = read_status(found, NAME, "ssh", record.gateway)
            assert (state.state, state.held, state.service) == ("unhealthy", False, None)
            assert f"node {nodes[1].address}, port 8081: " in state.detail
        finally:
            nodes[1].unpause()


def test_its_machine_may_restart(gateway, brought):
    gateway.reboot()
    wait_for(lambda: status(NAME).state == "ready")
    with reached(NAME) as endpoint, Load(endpoint) as load:
        wait_for(lambda: load.outcomes["whole"] > 3)
    assert load.failed == {}


def test_down_leaves_nothing_on_any_machine(machines, brought):
    assert len(down(NAME).stopped) == 2
    for machine in machines:
        assert machine.exec("docker ps --all --quiet").stdout == ""
        assert (
            machine.exec("ls -d /opt/zephyr-deploy /etc/systemd/system/zephyr-* 2>&1 || true").stdout.count("No such")
            == 2
        )
