"""The written file and page say what the models say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zephyr_deploy.spec.deployment import Deployment
from zephyr_deploy.spec.keys import KEYS
from zephyr_deploy.spec.names import variable_of
from zephyr_deploy.spec.reference import reference, sections, starter_file
from zephyr_deploy.spec.values import from_text

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
EXAMPLE = re.compile(r"^#(?=\S)", re.MULTILINE)


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "python -m zephyr_deploy.spec.reference docs/configuration.md"
    )


def test_the_starter_file_is_the_default(loader):
    loaded = loader(starter_file())
    assert loaded.config is not None
    assert loaded.deployment == Deployment()
    assert loaded.deployment.model_fields_set == set()


def test_the_starter_file_with_every_line_taken_in_is_valid_and_sets_everything(loader):
    loaded = loader(EXAMPLE.sub("", starter_file()), profile="large")
    unset = [key for key, origin in loaded.origins.items() if origin.layer not in {"file", "profile"}]
    assert unset == []
    assert loaded.deployment.limits.max_total_tokens == 8192


# What a line needs beside it
WITH = {
    "access.cidr": "access.expose",
    "access.domain": "access.expose",
    "notify.secret_from": "notify.webhook_from",
}


@pytest.mark.parametrize("path", KEYS)
def test_each_line_of_the_starter_file_is_valid_by_itself(loader, path):
    wanted, section, lines = {path, WITH.get(path)}, "", []
    for line in starter_file().splitlines():
        section = line.strip("[]") if line.startswith("[") else section
        name = line[1:].partition(" = ")[0]
        lines.append(line[1:] if EXAMPLE.match(line) and f"{section}.{name}".lstrip(".") in wanted else line)
        if line.startswith("#[profile"):
            break
    origins = loader("\n".join(lines)).origins
    assert {key for key, origin in origins.items() if origin.layer == "file"} == wanted - {None}


@pytest.mark.parametrize("entry", [entry for section in sections() for entry in section.entries], ids=lambda e: e.path)
def test_every_setting_is_explained(entry):
    assert re.fullmatch(r"[A-Z].*\.", entry.meaning)
    assert entry.allowed
    assert entry.example != "unset"
    if KEYS[entry.path].default is None:
        assert entry.default == "unset"


def test_the_variables_of_the_page_are_real(loader):
    page = reference()
    for variable, text in re.findall(r"`(ZEPHYR_[A-Z_]+)='?([^'`]+)'?`", page):
        assert variable in page
        loader(environ={variable: text})
    assert from_text(KEYS["engine.env"], "HF_HUB_OFFLINE=1 RUST_LOG=info") == {
        "HF_HUB_OFFLINE": "1",
        "RUST_LOG": "info",
    }
    assert variable_of("engine.args") in page
