"""A port that the deployment needs is another program's: refused before anything is touched, with who has it."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from chaos.nodes.laptop import NAME, PORT, containers, units, wait_until

from zephyr_deploy.agent.slots import FIRST_PORT, WIDTH
from zephyr_deploy.errors import ConfigError


@contextmanager
def taken(node, port):
    """Another program listens at a port of the loopback interface."""
    server = f"python3 -m http.server --bind 127.0.0.1 {port}"
    pid = node.exec(f"{server} >/dev/null 2>&1 & echo $!").stdout.strip()
    try:
        wait_until(lambda: node.exec(f"ss -Hltn 'sport = :{port}'").stdout)
        yield f"taken by python3 (pid {pid})"
    finally:
        node.exec(f"kill {pid}")


def place_of_the_next(node, release):
    """First port of the place that the engine of ``release`` is not at."""
    home = f"/opt/zephyr-deploy/{NAME}"
    now = int(node.exec(f". {home}/ports/{release}.env; echo $ZEPHYR_PORT").stdout)
    (other,) = {*json.loads(node.exec(f"cat {home}/slots.json").stdout)} - {now}
    return other


def started_at(node, release):
    return node.exec(f"docker inspect --format '{{{{.State.StartedAt}}}}' zephyr-{NAME}-{release}").stdout


def test_the_port_of_the_service(laptop):
    """The engine's are chosen among those that are free, and so cannot be taken yet."""
    node = laptop.node
    with taken(node, FIRST_PORT + 1):
        with taken(node, PORT) as who, pytest.raises(ConfigError) as caught:
            laptop.up()
        assert caught.value.message == f"port {PORT} of the node is {who}"
        assert "access.port" in caught.value.hint
        assert (units(node), containers(node)) == ({}, set())
        release = laptop.up().release
    assert place_of_the_next(node, release) > FIRST_PORT + WIDTH
    laptop.assert_serves(release)


def test_a_port_of_the_engine(laptop):
    """One that was free once, and is wanted for the next release."""
    node, old, wish = laptop.node, laptop.up().release, laptop.wish(1032)
    before, port = started_at(node, old), place_of_the_next(node, old) + 2
    with taken(node, port) as who, pytest.raises(ConfigError) as caught:
        laptop.redeploy(wish)
    assert caught.value.message == f"port {port} of the node, where the engine is to listen, is {who}"
    assert "End that program" in caught.value.hint
    assert started_at(node, old) == before
    laptop.assert_serves(old)
    laptop.assert_serves(laptop.redeploy(wish).release)
