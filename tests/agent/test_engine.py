"""One release's engine: whether it loads, and how it is ended whatever it is at."""

import socket

import pytest

from zephyr_deploy.agent import engine as module
from zephyr_deploy.agent import health
from zephyr_deploy.agent.engine import Engine
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.layout import Layout


class Machine:
    """systemd and Docker as `Engine.end` sees them: at each look the container is there, or it is not."""

    def __init__(self, looks, *, ends=True):
        self.looks, self.ends, self.removed, self.calls = list(looks), ends, 0, []

    def Journal(self, unit, since):  # noqa: N802 - a class of `units`
        return f"journal of {unit} {since}"

    def begin_stop(self, unit):
        self.calls.append(f"stop {unit}")

    def ended(self, _unit):
        return self.ends

    def reset(self, unit):
        self.calls.append(f"reset {unit}")

    def remove(self, _name):
        self.removed += 1

    def container(self, _name):
        return {"State": {}} if self.looks and self.looks.pop(0) else None


@pytest.fixture
def machine(monkeypatch):
    def make(looks, **more):
        made = Machine(looks, **more)
        monkeypatch.setattr(module, "docker", made)
        monkeypatch.setattr(module, "units", made)
        return made

    monkeypatch.setattr(module, "GONE_POLL_S", 0.01)
    return make


UNIT = "zephyr-demo@0123456789ab.service"


def engine():
    return Engine(Layout("demo"), "0123456789ab", {})


def test_a_container_that_appears_after_its_client_ended_is_taken_away(machine):
    """Docker makes a container to its end, whatever became of the client that asked for it."""
    world = machine([False, True, False, False, False])
    engine().end()
    assert world.looks == []
    assert world.removed == 5
    assert world.calls == [f"stop {UNIT}", f"reset {UNIT}"]


def test_an_engine_that_does_not_end_is_an_error(machine, monkeypatch):
    monkeypatch.setattr(module, "END_S", 0.05)
    machine([], ends=False)
    with pytest.raises(NodeError, match=f"{UNIT} did not end") as caught:
        engine().end()
    assert caught.value.kind == "leftovers"


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_who_listens_is_known_by_the_kernel(family, address):
    with socket.socket(family) as server:
        try:
            server.bind((address, 0))
        except OSError as error:
            pytest.skip(f"no {address} here: {error}")
        port = server.getsockname()[1]
        assert health.listens(port) is False
        server.listen()
        assert health.listens(port) is True
