"""The JSON keeps to the published schema."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator, ValidationError

from zephyr_deploy import errors
from zephyr_deploy.cli.output import SCHEMA
from zephyr_deploy.cli.session import Session
from zephyr_deploy.resources import PACKAGE

DOCUMENT = json.loads((PACKAGE / "data" / "output.schema.json").read_text())
VALIDATOR = Draft202012Validator(DOCUMENT)


def test_the_schema_is_one_and_of_this_version():
    Draft202012Validator.check_schema(DOCUMENT)
    assert DOCUMENT["$id"] == SCHEMA == DOCUMENT["$defs"]["version"]["const"]


def test_a_result(probe):
    def answer(session: Session) -> None:
        session.out.result("probe", [1, None], table=str, quiet="")

    VALIDATOR.validate(json.loads(probe(answer, "probe", "-o", "json").out))


def test_a_stream_and_the_error_that_ends_it(probe):
    def answer(session: Session) -> None:
        session.out.item("line", {"n": 1}, text="1")
        raise errors.UnhealthyError("it stopped")

    lines = [json.loads(line) for line in probe(answer, "probe", "-o", "json").out.splitlines()]
    assert [line["kind"] for line in lines] == ["line", "error"]
    for line in lines:
        VALIDATOR.validate(line)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error(probe, name):
    def fail(session: Session) -> None:
        raise getattr(errors, name)("no", hint=None)

    VALIDATOR.validate(json.loads(probe(fail, "probe", "-o", "json").out))


@pytest.mark.parametrize("raised", [KeyboardInterrupt, KeyError, FileNotFoundError])
def test_errors_of_others(probe, raised):
    def fail(session: Session) -> None:
        raise raised

    VALIDATOR.validate(json.loads(probe(fail, "probe", "-o", "json").out))


@pytest.mark.parametrize(
    "document",
    [
        {"schema": "zephyr-deploy/2", "kind": "ls", "data": []},
        {"schema": SCHEMA, "kind": "ls"},
        {"schema": SCHEMA, "kind": "error", "data": {}},
        {"schema": SCHEMA, "kind": "error", "error": {"code": "usage", "message": "no"}},
    ],
)
def test_what_the_schema_refuses(document):
    with pytest.raises(ValidationError):
        VALIDATOR.validate(document)
