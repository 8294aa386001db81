"""How the services of nodes are shown where a gateway on a machine of its own is in front of them."""

from __future__ import annotations

import pytest

from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.providers.nodes.look import read_look, read_status
from zephyr_deploy.providers.nodes.provider import _services
from zephyr_deploy.providers.nodes.record import NodesRecord

NODES = (NodeAddress(host="gpu1"), NodeAddress(host="gpu2"))
EDGE = NodeAddress(host="edge")
RECORD = NodesRecord(name="demo", provider="ssh", nodes=NODES, gateway=EDGE)
MACHINE = {
    "system": "Debian 12", "os": "debian", "os_version": "12", "architecture": "x86_64", "kernel": "6", "clock": 0.0,
    "python": "3.11.2", "systemd": 252, "cpus": 2, "memory_bytes": 1 << 32, "memory_total_bytes": 1 << 32,
    "disk_free_bytes": 10**11, "docker_disk_free_bytes": 10**11, "root_writable": True,
}  # fmt: skip
NODE = {
    "release": "0" * 12,
    "about": {"engine": "tgi", "model_id": "m", "port": 8080, "site": "", "tls": "", "allowed": ""},
    "lock": "",
    "state": "ready",
    "detail": "",
    "started_at": 0.0,
    "clock": 0.0,
    "api_key": "secret",
    "peers": [],
    "front": "10.0.0.9",
    "authority": "PEM",
}
FRONT = {
    "release": "1" * 12,
    "about": {"role": "gateway", "site": "llm.example.org", "tls": "acme", "allowed": "192.0.2.0/24", "port": 8080},
    "lock": "",
    "state": "ready",
    "detail": "",
    "restarts": 0,
    "started_at": 0.0,
}


def look(there, address):
    return read_look({"machine": MACHINE, "here": "10.0.0.1", "deployment": there}, "demo", "ssh", address)


def shown(front):
    """The services with this front, or with this reason why it cannot be asked."""
    nodes = [look(NODE, address) for address in NODES]
    return _services(RECORD, [*nodes, front if isinstance(front, str) else look(front, EDGE)])


def test_their_public_address_is_the_gateways():
    found = shown(FRONT)
    assert [service.host for service in found] == ["gpu1", "gpu2"]
    assert {(s.state, s.public_url, s.tls) for s in found} == {("ready", "https://llm.example.org", "acme")}


def test_a_gateway_that_reaches_one_of_them_serves():
    found = shown({**FRONT, "state": "unhealthy", "detail": "node 10.0.0.2, port 8081: timed out"})
    assert {service.state for service in found} == {"ready"}


@pytest.mark.parametrize(
    ("front", "why"),
    [
        ("it does not answer", "its gateway edge: it does not answer"),
        (None, "its gateway edge: it is not there"),
        ({**FRONT, "state": "failed", "detail": "its unit is inactive"}, "its gateway edge: its unit is inactive"),
    ],
)
def test_where_it_does_not_work_neither_does_what_is_behind_it(front, why):
    assert {(service.state, service.detail) for service in shown(front)} == {("unhealthy", why)}


def test_what_a_look_at_a_node_tells_of_it():
    found = look(NODE, NODES[0])
    assert (found.admits, found.authority, found.front) == ("10.0.0.9", "PEM", None)
    assert (look(FRONT, EDGE).service, look(FRONT, EDGE).allowed) == (None, "192.0.2.0/24")


def test_a_look_at_it_as_at_a_node():
    found = look({"release": FRONT["release"], "about": FRONT["about"]}, NODES[0])
    assert (found.service, found.front.state) == (None, "unhealthy")


def test_its_own_status():
    answer = {"gpus": [], "held": True, "units": [], "uptime_s": 5.0, "deployment": {**FRONT, "restarts": 2}}
    found = read_status(answer, "demo", "ssh", EDGE)
    assert (found.state, found.held, found.restarts, found.uptime_s, found.service) == ("ready", True, 2, 5.0, None)
    assert (found.front.release, found.front.public_url) == (FRONT["release"], "https://llm.example.org")
