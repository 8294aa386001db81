"""Fixtures of the lab for every test: `lab`, `node_factory`, `node`, `shared_node`, `desk`.

A test that takes one of them is marked ``lab`` by itself; it is skipped, with what to install, where the machine
cannot run the lab.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from lab.boot import NodeSpec, boot, sweep
from lab.docker import LabUnavailableError
from lab.world import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.node import Node

FIXTURES = frozenset({"lab", "node", "node_factory", "shared_node"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the lab, so that `-m "not lab"` leaves it out; the first to come may build for minutes."""
    for item in items:
        if FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.lab)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300, func_only=True))


@pytest.fixture(scope="session")
def lab(model_path: Path) -> Lab:
    """The lab of this machine: engine, network, registry, hub and images, shared by all tests and workers."""
    try:
        found = Lab.open(model_path)
    except LabUnavailableError as error:
        pytest.skip(f"the lab: {error}")
    sweep(found)
    return found


class NodeFactory:
    """Makes nodes and takes all of them away in the end."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._lab = lab
        self._folder = folder
        self._nodes: list[Node] = []

    def __call__(self, spec: NodeSpec | None = None, **wishes: object) -> Node:
        """A node, ready; the wishes are the fields of `NodeSpec`."""
        return self.many(spec or NodeSpec(**wishes))[0]

    def many(self, *specs: NodeSpec) -> list[Node]:
        """Several nodes, started side by side, ready."""
        with ThreadPoolExecutor(len(specs)) as pool:
            nodes = list(pool.map(self.start, specs))
            list(pool.map(lambda node: node.wait_ready(), nodes))
        return nodes

    def start(self, spec: NodeSpec) -> Node:
        """A node that has just been switched on; for tests that want to be there during its boot."""
        node = boot(self._lab, spec, self._folder)
        self._nodes.append(node)
        return node

    def remove_all(self) -> None:
        """Take every node away, side by side."""
        if self._nodes:
            with ThreadPoolExecutor(len(self._nodes)) as pool:
                list(pool.map(lambda node: node.remove(), self._nodes))


@dataclass(frozen=True)
class Desk:
    """A user's own machine for all tests of a module: a state folder, the lab's hub, and nodes that go with it."""

    folder: Path
    nodes: NodeFactory
    patch: pytest.MonkeyPatch
    """For more that is to hold in all tests of the module."""


@pytest.fixture(scope="module")
def desk(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """See `Desk`."""
    folder = tmp_path_factory.mktemp("desk")
    factory = NodeFactory(lab, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZEPHYR_STATE_DIR", str(folder / "state"))
        patch.setenv("ZEPHYR_CACHE_DIR", str(folder / "cache"))
        patch.setenv("HF_ENDPOINT", lab.hub_url)
        try:
            yield Desk(folder, factory, patch)
        finally:
            factory.remove_all()


@pytest.fixture
def node_factory(lab: Lab, tmp_path: Path) -> Iterator[NodeFactory]:
    """Makes nodes of any kind; they are gone after the test."""
    factory = NodeFactory(lab, tmp_path)
    yield factory
    factory.remove_all()


@pytest.fixture
def node(node_factory: NodeFactory) -> Node:
    """A fresh machine with Docker and the images of TGI and Caddy."""
    return node_factory(preload=True)


@pytest.fixture(scope="module")
def shared_node(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The same for all tests of a module, which must leave it as it was."""
    factory = NodeFactory(lab, tmp_path_factory.mktemp("node"))
    yield factory(preload=True)
    factory.remove_all()
