"""A stand-in for Ansible, where it is looked for first."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deploy.on_clouds import Laptop

if TYPE_CHECKING:
    from emulators.rehearsal import Clouds
    from lab.plugin import Desk


@dataclass(frozen=True)
class FakeAnsible:
    """See fake_ansible.py."""

    folder: Path

    @property
    def program(self) -> Path:
        return self.folder / "ansible-playbook"

    def will(self, **script: object) -> None:
        """Say what it prints (``lines``), how it ends (``code``), or that it does not (``hangs``)."""
        (self.folder / "script.json").write_text(json.dumps(script))

    @property
    def called(self) -> dict:
        """How it was called: argv, env, hosts (the inventory) and its mode."""
        return json.loads((self.folder / "called.json").read_text())

    @property
    def ran(self) -> bool:
        return (self.folder / "called.json").exists()

    @property
    def pids(self) -> list[int]:
        """Itself, and a worker with a session of its own."""
        return json.loads((self.folder / "pids.json").read_text())


@pytest.fixture
def ansible(tmp_path, monkeypatch) -> FakeAnsible:
    """Beside the Python that runs this, as the program is told."""
    folder = tmp_path / "python"
    folder.mkdir()
    fake = FakeAnsible(folder)
    fake.program.symlink_to(Path(__file__).with_name("fake_ansible.py"))
    fake.will()
    monkeypatch.setattr(sys, "executable", str(folder / "python3"))
    return fake


@pytest.fixture(scope="module")
def both(lab, desk: Desk) -> Iterator[Clouds]:
    """Both clouds, with nodes of the lab as machines; the environment leads to them."""
    from emulators.rehearsal import clouds  # moto takes its time

    with clouds(lab, desk.folder) as both:
        for name, text in both.environment().items():
            desk.patch.setenv(name, text)
        yield both


@pytest.fixture
def laptop(both, tmp_path, monkeypatch, capsys) -> Callable[[str], Laptop]:
    """A user's laptop, of that name."""
    monkeypatch.chdir(tmp_path)
    return lambda name: Laptop(tmp_path / name, monkeypatch, capsys)
