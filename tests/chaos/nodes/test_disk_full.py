"""A disk of the node gets full while something is fetched: the numbers are told, and room is all that it takes."""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest
from chaos.nodes.laptop import At, Downloaded, Laptop, forget_weights, given_out
from lab.boot import NodeSpec
from lab.cards import A100

from zephyr_deploy.errors import CapacityError

IMAGES, WEIGHTS = "/var/lib/docker", "/var/lib/zephyr-deploy"
DISKS = {IMAGES: 1200, WEIGHTS: 1300}
NUMBERS = r"(\d+\.\d\d) GB .*(\d+\.\d\d) GB are free at"


@pytest.fixture(scope="module")
def full(desk):
    """A laptop and a node with small disks."""
    return Laptop(desk.nodes(NodeSpec(card=A100, disks=DISKS)), desk.folder)


def refused(laptop, **options):
    """The refusal of an `up` that has no room, which says what to do."""
    with pytest.raises(CapacityError) as caught:
        laptop.up(**options)
    assert "docker system prune" in caught.value.hint
    assert "run it again" in caught.value.hint
    return caught.value.message


def test_the_disk_fills_up_while_the_image_is_pulled(full):
    full.down()
    full.node.exec("docker system prune --all --force")
    with ExitStack() as ballast, full.node.fault("registry", path="/blobs/", rate=8_000_000):
        fill = At("before image", lambda: ballast.enter_context(full.node.fill_disk(IMAGES, 60)))
        said = refused(full, listener=fill)
    assert "no space left on device" in said
    needed, free = map(float, re.search(NUMBERS, said).groups())
    assert needed > 0
    assert free < 0.1
    full.assert_serves(full.up().release)


def test_the_disk_fills_up_while_the_weights_come(full):
    full.down()
    forget_weights(full.node)
    with ExitStack() as ballast, full.node.fault("hub", path="/cdn/", rate=8_000_000):
        fill = Downloaded(10_000_000, lambda: ballast.enter_context(full.node.fill_disk(WEIGHTS, 30)))
        said = refused(full, listener=fill)
    assert fill.met
    assert "the node's disk is full" in said
    needed, free = map(float, re.search(NUMBERS, said).groups())
    assert (needed > 0, free) == (True, 0.0)
    with full.node.fill_disk(WEIGHTS, 500):
        said = refused(full)
    assert re.search(r"has 0\.5\d GB free for .*, which needs 0\.0\d GB more and 1 GB to spare", said), said
    full.assert_serves(full.up().release)
    assert given_out(full.node)[-1] == 206, "what had come before the disk was full was kept"
