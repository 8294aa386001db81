"""Whether a port can be had, and who has it."""

import os
import socket
from pathlib import Path

import pytest

from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.layout import Layout
from zephyr_deploy.agent.ports import STRANGER, holder, is_free
from zephyr_deploy.agent.slots import Slots


@pytest.fixture(params=["127.0.0.1", "::1"])
def listener(request):
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as server:
        try:
            server.bind((request.param, 0))
        except OSError:
            pytest.skip(f"this machine has no {request.param}")
        server.listen()
        yield server


def test_who_listens_is_told_by_name_and_pid(listener):
    own = Path("/proc/self/comm").read_text().strip()
    assert holder(listener.getsockname()[1]) == f"{own} (pid {os.getpid()})"


def test_a_port_of_nobody():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert not is_free("127.0.0.1", port)
        assert holder(port) == STRANGER, "it is bound, and nobody listens"
    assert is_free("127.0.0.1", port)


def test_a_taken_place_is_refused_with_who_has_it():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(NodeError, match=rf"port {port} of the node, .* is taken by .* \(pid {os.getpid()}\)"):
            Slots(Layout("demo")).require_free(port, 1)
