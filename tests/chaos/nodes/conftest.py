"""A node and a laptop for all tests of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chaos.nodes.laptop import Laptop
from lab.boot import NodeSpec
from lab.cards import A100

from zephyr_deploy.node import program
from zephyr_deploy.providers.nodes import connect

if TYPE_CHECKING:
    from lab.plugin import Desk

CUT_SEEN_S, AWAY_SEEN_S = 4.0, 8.0
"""A cut is noticed after this much silence here, in seconds, and a machine that is away after so long; no later."""


@pytest.fixture(scope="module")
def laptop(desk: Desk) -> Laptop:
    """A machine with a card, Docker and the images; the laptop's state is of this module alone."""
    desk.patch.setattr(program, "IDLE_S", CUT_SEEN_S)
    desk.patch.setattr(connect, "CONNECT_S", AWAY_SEEN_S)
    return Laptop(desk.nodes(NodeSpec(card=A100, preload=True)), desk.folder)
