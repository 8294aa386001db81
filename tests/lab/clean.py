"""Removes everything that the lab has made on this machine."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from lab.docker import LABEL, Docker
from lab.engine import own_engine, stop_own_engine
from lab.images import BASE
from lab.places import LAB_DIR, run_dir

if TYPE_CHECKING:
    from collections.abc import Sequence

REMOVE_S = 120.0
LABELLED = f"label={LABEL}"


def clean() -> None:
    """Nodes, services, network, volumes and images in every engine that the lab may have used; then its own engine.

    Tests that run meanwhile lose their nodes.
    """
    for engine in (Docker(), own_engine()):
        if shutil.which("docker") and engine.try_("info", timeout_s=15).returncode == 0:
            _empty(engine)
    stop_own_engine()
    shutil.rmtree(LAB_DIR, ignore_errors=True)
    shutil.rmtree(run_dir(), ignore_errors=True)


def _empty(engine: Docker) -> None:
    find = ("--quiet", "--filter", LABELLED)
    _remove(engine, ("rm", "--force", "--volumes"), engine("ps", "--all", *find).split())
    _remove(engine, ("network", "rm"), engine("network", "ls", *find).split())
    _remove(engine, ("volume", "rm"), engine("volume", "ls", *find).split())
    _remove(engine, ("rmi", "--force"), engine("images", *find).split())
    _remove(engine, ("rmi", "--force"), [BASE] if engine.exists("image", BASE) else [])


def _remove(engine: Docker, how: Sequence[str], what: Sequence[str]) -> None:
    if what:
        engine.try_(*how, *dict.fromkeys(what), timeout_s=REMOVE_S)
