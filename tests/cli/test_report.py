"""``zephyr-deploy report``: what bench kept is shown and written again."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from zephyr_deploy.cli.main import main

SAVED = Path(__file__).parents[1] / "data" / "bench-report-1.json"


def test_the_table_is_that_of_bench(capsys):
    assert main(["report", str(SAVED)]) == 0
    out, err = capsys.readouterr()
    assert out.count("4 of 4") == 2
    assert "The client used" in err


def test_json_is_todays_form(capsys):
    assert main(["report", str(SAVED), "-o", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["kind"], answer["data"]["schema_version"]) == ("bench", 2)


def test_stdin(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SAVED.read_bytes())))
    assert main(["report", "-", "-o", "quiet"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_load_from_the_node_is_told(tmp_path, capsys):
    saved = json.loads(SAVED.read_text()) | {"measured_from": "node"}
    (tmp_path / "node.json").write_text(json.dumps(saved))
    assert main(["report", str(tmp_path / "node.json")]) == 0
    assert "no network is in these figures" in " ".join(capsys.readouterr().err.split())


def test_files_are_written_and_named(tmp_path, capsys):
    requests, levels = tmp_path / "requests.csv", tmp_path / "levels.csv"
    assert main(["report", str(SAVED), "--csv", str(requests), "--levels-csv", str(levels)]) == 0
    assert len(requests.read_text().splitlines()) == 1
    assert len(levels.read_text().splitlines()) == 3
    assert f"The table of levels is in {levels}." in capsys.readouterr().err


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where a report goes that cannot be written where it is wanted."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["no.json"], 3, "no.json cannot be read"),
        ([str(SAVED), "--csv", "."], 2, ". is a folder"),
        ([str(SAVED), "--csv", "no/such/x.csv"], 2, "mkdir -p no/such"),
        ([str(SAVED), "--csv", "/dev/full"], 5, "cannot be written to /dev/full: No space left on device"),
    ],
)
def test_what_cannot_be_done_is_named(capsys, temporary, argv, code, said):
    assert main(["report", *argv]) == code
    assert said in capsys.readouterr().err
