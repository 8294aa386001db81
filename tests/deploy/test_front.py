"""What is seen before anything is touched where a gateway has a machine of its own."""

from __future__ import annotations

import pytest
from providers.test_behind_a_gateway import FRONT, MACHINE, NODE

from zephyr_deploy.deploy.fleet import Fleet, Member
from zephyr_deploy.deploy.front import front_ports, require_places
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.events import Phases
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.providers.nodes.look import read_look
from zephyr_deploy.spec.deployment import Access, Deployment, Machine


def fleet(node=NODE, edge=FRONT, *, here="10.0.0.9", taken=()):
    """A node and a gateway's machine, with what is there of the deployment."""
    made = Fleet("demo", "ssh", [NodeAddress(host="gpu1")], Phases(), gateway=NodeAddress(host="edge"))
    answers = [{"here": "10.0.0.1", "deployment": node}, {"here": here, "deployment": edge, "taken": taken}]
    for member, answer in zip(made.machines, answers, strict=True):
        member.found = read_look({"machine": MACHINE, **answer}, "demo", "ssh", member.address)
    return made


@pytest.mark.parametrize("found", [{}, {"node": None, "edge": None}])
def test_machines_that_can_be_what_they_are_to_be(found):
    require_places(fleet(**found))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"node": FRONT}, "gpu1 is the gateway of demo, and no node"),
        ({"edge": NODE}, "edge serves demo as a node"),
        ({"here": "10.0.0.1"}, "edge is one of the hosts, by another name"),
        ({"taken": [[443, "nginx (pid 7)"]]}, r"port 443 of edge is taken by nginx \(pid 7\)"),
    ],
)
def test_machines_that_cannot(found, message):
    with pytest.raises(ConfigError, match=message) as caught:
        require_places(fleet(**found))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("access", "public"),
    [
        ({}, []),
        ({"expose": True}, [443]),
        ({"expose": True, "domain": "llm.example.org"}, [80, 443]),
    ],
)
def test_the_ports_that_it_is_to_have(access, public):
    machine = Machine(host="gpu1", gateway="203.0.113.9")
    wanted = Deployment(provider="ssh", machine=machine, access=Access(port=9000, **access))
    assert front_ports(wanted, "203.0.113.9") == [("127.0.0.1", 9000), *(("0.0.0.0", port) for port in public)]


def told(monkeypatch):
    """What is asked of each machine, by its name."""
    asked = {}

    def call(member, verb, request, **_options):
        asked[member.name] = (verb, request)
        return {"sources": {"10.0.0.1": "10.0.0.9"}}

    monkeypatch.setattr(Member, "call", call)
    return asked


@pytest.mark.parametrize("admits", ["", "10.0.0.8"])
def test_a_node_lets_in_the_address_that_it_sees(monkeypatch, admits):
    made = fleet(node={**NODE, "front": admits})
    asked = told(monkeypatch)
    assert made.admit({"10.0.0.1": "10.0.0.9"}, {"user": "ann"})
    verb, request = asked["gpu1"]
    assert (verb, request["front"], request["nodes"]) == ("meet", "10.0.0.9", [])
    assert "not remote_ip 127.0.0.1 ::1 10.0.0.9\n" in request["files"]["strangers"]


def test_a_node_that_does_so_is_not_asked(monkeypatch):
    made = fleet()
    asked = told(monkeypatch)
    assert not made.admit({"10.0.0.1": "10.0.0.9"}, {"user": "ann"})
    assert asked == {}
