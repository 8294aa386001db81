"""The JSON Schema agrees with what is loaded."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from zephyr_deploy.spec.keys import KEYS
from zephyr_deploy.spec.reference import starter_file
from zephyr_deploy.spec.schema import file_schema

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.toml"))
VALIDATOR = Draft202012Validator(file_schema())


def errors(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(tomllib.loads(text))]


def test_it_is_a_schema():
    Draft202012Validator.check_schema(file_schema())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_takes_every_example(path):
    assert errors(path.read_text()) == []


def test_it_takes_the_starter_file_with_every_line_taken_in():
    lines = [line[1:] if line[:1] == "#" and line[1:2] != " " else line for line in starter_file().splitlines()]
    assert errors("\n".join(lines)) == []


@pytest.mark.parametrize(
    "text",
    [
        "nmae = 'x'",
        "name = 'Bad Name'",
        "[access]\nport = 70000",
        "[engine]\nquantize = ''",
        "[cost]\nttl = 8",
        "[cost]\nttl = '8 hours'",
        "[profile.p.access]\nprot = 1",
        "[profile.p.profile.q]",
        "model = 'x'",
    ],
)
def test_it_refuses_what_is_not_allowed(text):
    assert errors(text)


def test_every_setting_is_in_it_with_words_and_default():
    settings = file_schema()["$defs"]["settings"]["properties"]
    for key in KEYS.values():
        found = settings[key.section]["properties"][key.name] if key.section else settings[key.name]
        assert found["description"] == key.info.description
        assert ("default" in found) == (key.default is not None)
    assert settings["cost"]["properties"]["ttl"]["default"] == "8h"
