from __future__ import annotations

import pytest

from zephyr_deploy.spec.keys import KEYS, value_of
from zephyr_deploy.spec.names import FOREIGN, NOT_SETTINGS, SHORT, VARIABLES, flag_of, variable_of


@pytest.mark.parametrize(
    ("variable", "text", "path", "value"),
    [
        ("ZEPHYR_MODEL", "org/m", "model.id", "org/m"),
        ("ZEPHYR_MODEL__ID", "org/m", "model.id", "org/m"),
        ("ZEPHYR_LIMITS__MAX_INPUT_TOKENS", "12", "limits.max_input_tokens", 12),
        ("ZEPHYR_SPOT", "false", "machine.spot", False),
        ("ZEPHYR_ENGINE__CUDA_GRAPHS", "1, 2,4", "engine.cuda_graphs", (1, 2, 4)),
        ("ZEPHYR_ENGINE__CUDA_GRAPHS", "[0]", "engine.cuda_graphs", (0,)),
        ("ZEPHYR_ENGINE__ARGS", "--a 'b c' d,e", "engine.args", ("--a", "b c", "d,e")),
        ("ZEPHYR_ENGINE__ARGS", '["--a", ""]', "engine.args", ("--a", "")),
        ("ZEPHYR_ENGINE__ENV", "A=1 B='x y=z'", "engine.env", {"A": "1", "B": "x y=z"}),
        ("ZEPHYR_ENGINE__ENV", '{"A": "1"}', "engine.env", {"A": "1"}),
    ],
)
def test_reads(loader, variable, text, path, value):
    assert value_of(loader(environ={variable: text}).deployment, path) == value


@pytest.mark.parametrize("text", ["", "  "])
@pytest.mark.parametrize("variable", ["ZEPHYR_QUANTIZE", "ZEPHYR_ENGINE__ARGS", "ZEPHYR_CONFIG", "ZEPHYR_PROFILE"])
def test_an_empty_variable_is_refused(refused, variable, text):
    message = refused(environ={variable: text})
    assert variable in message
    assert "is set but empty" in message


def test_an_unknown_variable_names_the_nearest(refused):
    message = refused(environ={"ZEPHYR_MODLE": "x"})
    assert message.startswith("ZEPHYR_MODLE: there is no such variable; did you mean ZEPHYR_MODEL?")


def test_our_other_variables_and_those_of_the_operating_system_are_passed_by(loader):
    environ = dict.fromkeys((NOT_SETTINGS | FOREIGN) - {"ZEPHYR_CONFIG", "ZEPHYR_PROFILE"}, "x")
    assert loader(environ=environ).deployment.model_fields_set == set()


def test_a_key_is_not_set_twice(refused):
    message = refused(environ={"ZEPHYR_MODEL": "a", "ZEPHYR_MODEL__ID": "b"})
    assert message == "ZEPHYR_MODEL, ZEPHYR_MODEL__ID: both set model.id; keep one of them."


@pytest.mark.parametrize(
    ("variable", "text", "reason"),
    [
        ("ZEPHYR_ENGINE__ARGS", "'open", "No closing quotation"),
        ("ZEPHYR_ENGINE__CUDA_GRAPHS", "[1,", "Expecting value"),
        ("ZEPHYR_ENGINE__ENV", "HF_TOKEN", "write NAME=value pairs"),
    ],
)
def test_a_list_that_cannot_be_read(refused, variable, text, reason):
    message = refused(environ={variable: text})
    assert variable in message
    assert reason in message


def test_a_broken_table_of_secrets_is_not_told(refused):
    assert "hf_secret" not in refused(environ={"ZEPHYR_ENGINE__ENV": "A=1 hf_secret"})


def test_every_key_has_one_full_name_and_short_names_clash_with_nothing():
    assert set(SHORT.values()) <= set(KEYS)
    assert len(set(SHORT.values())) == len(SHORT)
    assert len(VARIABLES) == len(KEYS) + sum(variable_of(path) != f"ZEPHYR_{s.upper()}" for s, path in SHORT.items())
    assert not set(VARIABLES) & (NOT_SETTINGS | FOREIGN)
    assert len({flag_of(path) for path in SHORT.values()}) == len(SHORT)
