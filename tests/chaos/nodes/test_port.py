"""A port that the deployment needs is another program's: refused before anything is touched, with who has it."""

from __future__ import annotations

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


def test_the_port_of_the_service(laptop):
    with taken(laptop.node, PORT) as who, pytest.raises(ConfigError) as caught:
        laptop.up()
    assert caught.value.message == f"port {PORT} of the node is {who}"
    assert "access.port" in caught.value.hint
    assert (units(laptop.node), containers(laptop.node)) == ({}, set())
    laptop.assert_serves(laptop.up().release)


def test_a_port_of_the_engine(laptop):
    """The first place is chosen among those that are free; the other one may be taken later on."""
    laptop.down()
    with taken(laptop.node, FIRST_PORT + 1):
        old = laptop.up()
        assert f":{FIRST_PORT + WIDTH}" in laptop.node.exec("ss -Hltn").stdout
    laptop.assert_serves(old.release)
    begun = laptop.node.exec(f"docker inspect --format '{{{{.State.StartedAt}}}}' zephyr-{NAME}-{old.release}").stdout
    with taken(laptop.node, FIRST_PORT + 2 * WIDTH + 2) as who, pytest.raises(ConfigError) as caught:
        laptop.redeploy(laptop.wish(1032))
    assert (
        f"port {FIRST_PORT + 2 * WIDTH + 2} of the node, where the engine is to listen, is {who}"
        in caught.value.message
    )
    assert "End that program" in caught.value.hint
    laptop.assert_serves(old.release)
    now = laptop.node.exec(f"docker inspect --format '{{{{.State.StartedAt}}}}' zephyr-{NAME}-{old.release}").stdout
    assert now == begun
    laptop.assert_serves(laptop.redeploy(laptop.wish(1032)).release)
