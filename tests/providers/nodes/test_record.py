"""The note on the machines of a deployment."""

from __future__ import annotations

import json

import pytest

from zephyr_deploy.errors import NotDeployedError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.paths import deployment_dir, private_dir
from zephyr_deploy.providers.nodes.record import FILE, NodesRecord, record_of

NODES = (NodeAddress(host="gpu1"), NodeAddress(host="gpu2"))
GATEWAY = NodeAddress(host="edge", user="ann")
APART = NodesRecord(name="demo", provider="ssh", nodes=NODES, gateway=GATEWAY)


def test_what_is_written_is_read(home):
    APART.save()
    assert record_of("demo") == APART


def test_a_note_from_before_there_were_gateways_is_read(home):
    note = {"name": "old", "provider": "ssh", "nodes": [{"host": "gpu1"}], "port": 8080}
    (private_dir(deployment_dir("old")) / FILE).write_text(json.dumps(note))
    record = record_of("old")
    assert (record.gateway, record.several, str(record.entry)) == (None, False, "gpu1")


def test_callers_come_to_the_gateway_and_commands_to_the_first_node():
    assert APART.entry == GATEWAY
    assert APART.node(None) == NODES[0]
    assert {APART.node(host) for host in ("edge", "ann@edge")} == {GATEWAY}
    assert APART.model_copy(update={"nodes": NODES[:1]}).several


def test_a_machine_that_it_has_not_is_told_with_all_that_it_has():
    with pytest.raises(NotDeployedError) as caught:
        APART.node("gpu3")
    assert caught.value.hint == "It has: gpu1, gpu2, ann@edge"
