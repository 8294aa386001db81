"""Machines that a command would leave behind, and machines that are gone."""

from __future__ import annotations

import pytest

from zephyr_deploy import down, up
from zephyr_deploy.deploy import fleet
from zephyr_deploy.errors import ConfigError, HostKeyError, UnreachableError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.providers.nodes.record import NodesRecord, record_of
from zephyr_deploy.spec.deployment import Deployment, Machine

NAME = "far"


@pytest.fixture
def noted(home):
    """This user's note says that it is on two machines."""
    nodes = tuple(NodeAddress.parse(text) for text in ("ann@gpu1", "gpu2:2222"))
    NodesRecord(name=NAME, provider="ssh", nodes=nodes).save()


@pytest.fixture(params=[UnreachableError, HostKeyError])
def gone(request, monkeypatch):
    """Nobody answers at their addresses, or somebody else does."""

    def connect(_name, address, *_args, **_options):
        raise request.param(f"{address} is not there", hint="See that it is on.")

    monkeypatch.setattr(fleet, "connect", connect)
    return request.param


@pytest.mark.parametrize("hosts", [("bob@gpu1",), ("gpu3", "gpu1"), ("gpu1:22", "gpu2")])
def test_up_leaves_no_machine_behind(noted, monkeypatch, hosts):
    monkeypatch.setattr(fleet, "connect", lambda *_a, **_k: pytest.fail("nothing is to be touched"))
    wanted = Deployment(name=NAME, provider="ssh", machine=Machine(host=hosts[0], hosts=hosts[1:]))
    with pytest.raises(ConfigError, match="far is on gpu2:2222, which is not among") as caught:
        up(wanted)
    assert "zephyr-deploy down far" in caught.value.hint


def test_the_same_machines_are_known_whoever_logs_in(noted, gone):
    wanted = Deployment(name=NAME, provider="ssh", machine=Machine(host="gpu2:2222", hosts=("GPU1",)))
    with pytest.raises(gone, match="is not there"):
        up(wanted)


def test_down_says_how_to_forget_a_machine(noted, gone):
    with pytest.raises(gone, match="is not there") as caught:
        down(NAME)
    assert caught.value.hint.startswith("See that it is on. If the machine is gone for good")
    assert record_of(NAME) is not None


def test_and_forgets_it(noted, gone):
    result = down(NAME, forget=True)
    assert result.kept[:2] == (
        "whatever is on ann@gpu1, which cannot be reached",
        "whatever is on gpu2:2222, which cannot be reached",
    )
    assert record_of(NAME) is None
