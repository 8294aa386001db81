"""Fixtures that every part of the tests may use: a home of its own, the real model, a real running service."""

import os
from pathlib import Path

import psutil
import pytest

from zephyr_deploy import Deployment, down, services, up
from zephyr_deploy.errors import UnreachableError
from zephyr_deploy.events import PhaseHandle, silent
from zephyr_deploy.paths import cache_dir
from zephyr_deploy.plan.embedded import embedded_table
from zephyr_deploy.providers.local.weights.fetch import local_path, prepare_source
from zephyr_deploy.spec.deployment import Access, Limits

STATE, CACHE = "ZEPHYR_STATE_DIR", "ZEPHYR_CACHE_DIR"
ORDINARY = cache_dir()
"""The cache as it is outside of any test."""


@pytest.fixture(scope="session")
def model_path() -> Path:
    """The stand-in model, fetched by the project's own code into the ordinary cache; processes take turns."""
    source = embedded_table().default.source()
    try:
        return local_path(prepare_source(source, PhaseHandle("model", silent)))
    except UnreachableError as error:
        pytest.skip(f"the model is not in {ORDINARY} and cannot be fetched: {error}")


@pytest.fixture
def home(request, tmp_path, monkeypatch) -> Path:
    """State and cache folders of this test alone.

    A test marked ``engine`` finds the model in its cache, as a link: it may delete it, but must not write into it.
    """
    model = request.getfixturevalue("model_path") if request.node.get_closest_marker("engine") else None
    _move_home(monkeypatch, tmp_path, model)
    return tmp_path


@pytest.fixture(scope="session")
def service(model_path, tmp_path_factory):
    """A running service of the real engine: 2 slots of 512 tokens, one per worker, shared by all its tests."""
    folder = tmp_path_factory.mktemp("service")
    deployment = Deployment(name="shared", access=Access(port=0), limits=Limits(parallel=2, max_total_tokens=512))
    with pytest.MonkeyPatch.context() as patch:
        _move_home(patch, folder, model_path)
        running = up(deployment).service
    yield running
    with pytest.MonkeyPatch.context() as patch:
        _move_home(patch, folder, model_path)
        down("shared", grace_s=5)
        assert services("shared") == []
    assert not psutil.pid_exists(running.pid)
    assert [p for p in psutil.process_iter() if _session(p) == running.pid] == [], "the engine is gone too"


@pytest.fixture(scope="session")
def endpoint(service):
    """How to speak to the shared service."""
    return service.endpoint()


def _move_home(patch: pytest.MonkeyPatch, folder: Path, model: Path | None) -> None:
    patch.setenv(STATE, str(folder / "state"))
    patch.setenv(CACHE, str(folder / "cache"))
    if model is not None:
        link = folder / "cache" / model.relative_to(ORDINARY)
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(model)


def _session(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return None
