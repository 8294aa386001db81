"""A deployment on folders, whose new release is on trial."""

from __future__ import annotations

import pytest
from deploy.gate.nodes import NAME, NEW, OLD, Machines, Node

from zephyr_deploy.agent import judge, layout
from zephyr_deploy.deploy.gate import judging
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.run import Run
from zephyr_deploy.events import Phases


@pytest.fixture
def nodes(tmp_path, monkeypatch):
    """Two machines on which the old release serves, and the new one on trial after it."""
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(layout, "ROOT", layout.ROOT)
    monkeypatch.setattr(judge, "Apply", judge.Apply)
    monkeypatch.setattr(judging, "POLL_S", 0.0)
    made = [Node(tmp_path / name) for name in ("one", "two")]
    for node in made:
        node.serve(OLD)
    return made


@pytest.fixture
def tried(nodes):
    """The same, with the new release on trial."""
    for node in nodes:
        node.serve(NEW, OLD)
    return Machines(*nodes)


@pytest.fixture
def run(nodes):
    return Run(NAME, "redeploy", Phases(), Journal(NAME))
