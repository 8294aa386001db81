"""What a command knows of how it was called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
