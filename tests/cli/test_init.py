"""``init`` writes a file that is valid, and never over another one unasked."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from zephyr_deploy.cli import init
from zephyr_deploy.cli import main as program
from zephyr_deploy.spec.deployment import Deployment
from zephyr_deploy.spec.load import load
from zephyr_deploy.spec.reference import starter_file


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(program, "COMMANDS", ("init",))
    monkeypatch.setattr(program, "load", lambda _name: init.init)

    def call(*argv: str) -> tuple[int, str, str]:
        code = program.main(argv)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_the_written_file_is_the_default(cli, tmp_path):
    code, out, err = cli("init")
    assert (code, out) == (0, "zephyr.toml written.\n")
    assert "zephyr-deploy up" in err
    loaded = load(cwd=tmp_path, environ={})
    assert loaded.config == tmp_path / "zephyr.toml"
    assert loaded.deployment == Deployment()


def test_a_file_that_is_there_is_left_alone(cli):
    Path("zephyr.toml").write_text("name = 'mine'\n")
    code, out, err = cli("init")
    assert (code, out) == (3, "")
    assert "--force" in err
    assert Path("zephyr.toml").read_text() == "name = 'mine'\n"


def test_force_writes_over_it(cli):
    Path("zephyr.toml").write_text("name = 'mine'\n" * 1000)
    assert cli("init", "--force")[0] == 0
    assert Path("zephyr.toml").read_text() == starter_file()


def test_stdout_writes_no_file(cli, tmp_path):
    assert cli("init", "--stdout")[:2] == (0, starter_file())
    assert list(tmp_path.iterdir()) == []


def test_the_file_may_have_another_name(cli, monkeypatch):
    assert cli("--config", "a.toml", "init", "-o", "quiet")[:2] == (0, "a.toml\n")
    monkeypatch.setenv("ZEPHYR_CONFIG", "b.toml")
    assert cli("init", "-o", "quiet")[:2] == (0, "b.toml\n")
    assert Path("b.toml").read_text() == starter_file()


def test_the_json_has_the_path(cli):
    assert json.loads(cli("init", "-o", "json")[1])["data"]["path"] == "zephyr.toml"


def test_a_folder_that_is_not_there(cli):
    code, _out, err = cli("--config", "no/zephyr.toml", "init")
    assert code == 3
    assert "no/zephyr.toml" in err


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_full_disk_leaves_what_was_there(cli, monkeypatch, force, tmp_path):
    if force:
        Path("zephyr.toml").write_text("name = 'mine'\n")
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}

    def full(path, _text, **_kwargs):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", full)
    code, _out, err = cli("init", *force)

    assert (code, "disk is full" in err) == (5, True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before
