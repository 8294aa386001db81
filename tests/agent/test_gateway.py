"""Which ports of a machine another program has, and not the gateway that was left there."""

from __future__ import annotations

import pytest

from zephyr_deploy.agent import docker, ports
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.gateway import ANY, Gateway
from zephyr_deploy.agent.layout import Layout

ABOUT = {"port": 8080, "tls": "internal", "peer_port": 8081}


@pytest.fixture
def gateway(monkeypatch):
    """Caddy runs as process 7, and its state was never written down; others have ports by these names."""

    def make(**holders):
        taken = {int(name[1:]): holder for name, holder in holders.items()}
        found = {"State": {"Running": True, "Pid": 7}}
        monkeypatch.setattr(docker, "container", lambda _name: found)
        monkeypatch.setattr(ports, "is_free", lambda _address, port: port not in taken)
        monkeypatch.setattr(ports, "holder", taken.get)
        return Gateway(Layout("nowhere"))

    return make


def test_what_it_has_itself_is_not_taken(gateway):
    made = gateway(p8080="caddy (pid 7)", p443="caddy (pid 7)", p8081="caddy (pid 7)")
    made.require_ports(ABOUT, {})
    assert made.taken_ports([("127.0.0.1", 8080), (ANY, 443)], {}) == []


@pytest.mark.parametrize(("port", "hint"), [(8080, "choose another port"), (8081, "choose another port"), (443, "End")])
def test_what_others_have_is_refused_by_their_name(gateway, port, hint):
    made = gateway(**{f"p{port}": "caddy (pid 77)"})
    with pytest.raises(NodeError, match=rf"port {port} of the node is taken by caddy \(pid 77\)") as caught:
        made.require_ports(ABOUT, {})
    assert hint in caught.value.hint
