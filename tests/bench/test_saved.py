"""Reports on file: of this version, of an earlier one, of a later one, and of none."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from zephyr_deploy.bench.report import SCHEMA_VERSION, BenchReport
from zephyr_deploy.bench.saved import read_report, write_whole
from zephyr_deploy.bench.schema import schema
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.resources import resource

VERSION_1 = Path(__file__).parents[1] / "data" / "bench-report-1.json"
"""As the tool wrote it when levels were closed loops alone."""


def test_version_1_is_read_in_todays_form():
    report = read_report(VERSION_1)
    assert report.schema_version == SCHEMA_VERSION
    assert [level.concurrency for level in report.levels] == [1, 2]
    assert report.spec.loads == tuple(level.load for level in report.levels)
    assert report.levels[0].ttft_ms.p95 is None
    assert report.levels[0].log == ()
    assert BenchReport.model_validate_json(report.model_dump_json()) == report


def test_an_answer_on_stdout_is_read_too(tmp_path):
    file = tmp_path / "answer.json"
    file.write_text(
        json.dumps({"schema": "zephyr-deploy/1", "kind": "bench", "data": json.loads(VERSION_1.read_text())})
    )
    assert read_report(file) == read_report(VERSION_1)


def test_a_newer_version_is_refused_by_name(tmp_path):
    file = tmp_path / "later.json"
    file.write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1, "tool_version": "9.1"}))
    with pytest.raises(
        ConfigError, match=r"later\.json was written by zephyr-deploy 9\.1: its form is version"
    ) as told:
        read_report(file)
    assert "Update" in told.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema_version": "x"}', '{"kind": "bench"}', "\ufffe"])
def test_what_is_no_report_is_named(tmp_path, text):
    file = tmp_path / "odd.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"odd\.json is no report"):
        read_report(file)


@pytest.mark.parametrize("packed", [b"no gzip", b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 9, None])
def test_a_damaged_page_is_named(tmp_path, packed):
    text = json.dumps(None if packed is None else base64.b64encode(packed).decode())
    file = tmp_path / "odd.html"
    file.write_text(f'<html><script type="application/json" id="report" data-packed="gzip">{text}</script>')
    with pytest.raises(ConfigError, match=r"odd\.html is no report"):
        read_report(file)


def test_json_that_is_too_deep_is_no_report(tmp_path):
    file = tmp_path / "deep.json"
    file.write_text("[" * 200_000)
    with pytest.raises(ConfigError, match=r"deep\.json is no report"):
        read_report(file)


def test_the_schema_is_that_of_the_models():
    assert resource("data", "bench.schema.json").read_text() == schema(), "make docs-reference"


def test_a_report_keeps_to_the_schema():
    from jsonschema import Draft202012Validator

    rule = Draft202012Validator(json.loads(schema()))
    data = json.loads(read_report(VERSION_1).model_dump_json())
    rule.validate(data)
    assert list(rule.iter_errors(data | {"levels": 3}))


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path, monkeypatch):
    file = tmp_path / "report.json"
    write_whole(file, "before")

    def full(_file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(file, "after")
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_link_stays_one_and_a_device_is_written_to(tmp_path):
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "text")
    write_whole(Path("/dev/null"), "text")
    assert (tmp_path / "real").read_text() == "text"
    assert (tmp_path / "link").is_symlink()
    assert Path("/dev/null").is_char_device()
