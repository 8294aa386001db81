"""A command for tests: a function run through the real edge, `zephyr_deploy.cli.main.main`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from zephyr_deploy.cli import main as program
from zephyr_deploy.cli.output import Output
from zephyr_deploy.cli.verb import LOOK, verb


@dataclass
class Ran:
    """What one call gave."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a zephyr.toml above it, no deployment but the test's, and no credentials for its plans."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("zephyr_deploy.deploy.planning.configured_clouds", frozenset)
    for name in ("STATE", "CACHE"):
        monkeypatch.setenv(f"ZEPHYR_{name}_DIR", str(tmp_path / name.lower()))


@pytest.fixture
def no(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The user says no to whatever is asked; what was asked."""
    asked: list[str] = []

    def confirm(_out: Output, question: str) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr(Output, "confirm", confirm)
    return asked


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run ``function`` as the command ``probe`` with the given words."""

    def call(function: Callable[..., None], *argv: str) -> Ran:
        function.__name__ = "probe"
        command = verb(panel=LOOK, examples=[("zephyr-deploy probe", "Probe")])(function)
        monkeypatch.setattr(program, "COMMANDS", ("probe",))
        monkeypatch.setattr(program, "load", lambda _name: command)
        code = program.main(argv)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call
