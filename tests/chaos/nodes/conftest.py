"""A node and a laptop for all tests of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chaos.nodes.laptop import Laptop
from lab.boot import NodeSpec
from lab.cards import A100
from lab.plugin import NodeFactory

from zephyr_deploy.node import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CUT_SEEN_S = 4.0
"""A cut is noticed after this much silence here, in seconds, and not as late as on a bad network."""


@pytest.fixture(scope="module")
def laptop(lab, tmp_path_factory) -> Iterator[Laptop]:
    """A machine with a card, Docker and the images; the laptop's state is of this module alone."""
    folder = tmp_path_factory.mktemp("laptop")
    factory = NodeFactory(lab, folder)
    with pytest.MonkeyPatch.context() as patch:
        at_home(patch, folder, lab.hub_url)
        patch.setattr(program, "IDLE_S", CUT_SEEN_S)
        yield Laptop(factory(NodeSpec(card=A100, preload=True)), folder)
        factory.remove_all()


def at_home(patch: pytest.MonkeyPatch, folder: Path, hub: str) -> None:
    """Have the package keep its state there, and look for models at the lab's hub."""
    patch.setenv("ZEPHYR_STATE_DIR", str(folder / "state"))
    patch.setenv("ZEPHYR_CACHE_DIR", str(folder / "cache"))
    patch.setenv("HF_ENDPOINT", hub)
