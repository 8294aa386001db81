"""What a command knows of how it was called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zephyr_deploy.cli import main as program
from zephyr_deploy.cli.session import Session

FILE = """
name = "from-file"

[access]
port = 1234

[profile.large]
access.port = 5678
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def port(session: Session) -> None:
    deployment = session.load({"name": "from-flag"}).deployment
    found = {"name": deployment.name, "port": deployment.access.port}
    session.out.result("probe", found, table=str, quiet=session.name(None))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), 8080),
        (("--config", "other.toml"), 1234),
        (("--config", "other.toml", "--profile", "large"), 5678),
    ],
)
def test_the_global_options_reach_the_loader(probe, here, words, expected):
    (here / "other.toml").write_text(FILE)
    data = json.loads(probe(port, "probe", *words, "-o", "json").out)["data"]
    assert data == {"name": "from-flag", "port": expected}


def test_the_name_is_the_files_unless_one_is_given(probe, here):
    (here / "zephyr.toml").write_text(FILE)
    assert probe(port, "probe", "-o", "quiet").out == "from-file\n"

    def given(session: Session) -> None:
        session.out.item("name", {}, text=session.name("other"))

    assert probe(given, "probe").out == "other"


def test_a_file_that_is_wrong_is_3(probe, here):
    (here / "zephyr.toml").write_text("nmae = 'x'")
    ran = probe(port, "probe", "-o", "json")
    assert ran.code == 3
    assert "nmae" in json.loads(ran.out)["error"]["message"]


@pytest.mark.parametrize("command", [["down"], ["status"], ["logs"], ["env"], ["smoke"], ["bench"], ["up"]])
def test_an_empty_name_is_not_the_default_one(command, capsys):
    """``zephyr-deploy down "$NAME"`` where NAME is not set must not take another deployment away."""
    assert program.main([*command, ""]) == 3
    assert "name" in capsys.readouterr().err


def test_the_file_says_whose_key_is_shown(tmp_path, capsys):
    (tmp_path / "zephyr.toml").write_text('name = "demo"\n')
    assert program.main(["env"]) == 7
    assert "deployment demo does not run" in capsys.readouterr().err
