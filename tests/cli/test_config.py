"""``config``: what holds, where it came from, which file, and its schema."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from jsonschema import Draft202012Validator

from zephyr_deploy.cli import config, init
from zephyr_deploy.cli import main as program
from zephyr_deploy.cli.verb import LOOK, Group
from zephyr_deploy.spec.keys import KEYS

FILE = """\
name = "demo"

[engine.env]
HF_TOKEN = "hf_verysecret"
HF_HUB_OFFLINE = "1"

[profile.large.limits]
max_total_tokens = 8192
"""


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """The program with ``config`` and ``init``, in an empty folder."""
    monkeypatch.setenv("COLUMNS", "200")
    commands = {
        "config": Group("config", "See the settings.", LOOK, (config.show, config.path, config.schema)),
        "init": init.init,
    }
    monkeypatch.setattr(program, "COMMANDS", tuple(commands))
    monkeypatch.setattr(program, "load", commands.__getitem__)

    def call(*argv: str) -> tuple[int, str, str]:
        code = program.main(argv)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def file(tmp_path, cli):
    (tmp_path / "zephyr.toml").write_text(FILE)
    return tmp_path / "zephyr.toml"


def row(out: str, key: str) -> list[str]:
    return next(line.split(maxsplit=2) for line in out.splitlines() if line.startswith(f"{key} "))


def test_show_says_what_holds(cli, file):
    code, out, _err = cli("config", "show")
    assert code == 0
    assert row(out, "name") == ["name", '"demo"']
    assert row(out, "cost.ttl") == ["cost.ttl", '"8h"']
    assert row(out, "engine.dtype") == ["engine.dtype", "unset"]
    assert len(out.splitlines()) == len(KEYS) + 1


def test_show_origin_says_which_layer_won(cli, file, monkeypatch):
    monkeypatch.setenv("ZEPHYR_PORT", "9000")
    code, out, _err = cli("--profile", "large", "config", "show", "--origin")
    assert code == 0
    assert row(out, "name") == ["name", '"demo"', "zephyr.toml:1"]
    assert row(out, "limits.max_total_tokens")[2] == "zephyr.toml:8 (profile large)"
    assert row(out, "access.port") == ["access.port", "9000", "ZEPHYR_PORT"]
    assert row(out, "cost.ttl")[2] == "default"


def test_show_as_json_has_value_layer_and_place_of_every_setting(cli, file):
    code, out, _err = cli("config", "show", "-o", "json", "--profile", "large")
    data = json.loads(out)["data"]
    assert code == 0
    assert (data["config"], data["profile"]) == (str(file), "large")
    settings = {setting["key"]: setting for setting in data["settings"]}
    assert list(settings) == list(KEYS)
    assert settings["limits.max_total_tokens"] == {
        "key": "limits.max_total_tokens",
        "value": 8192,
        "layer": "profile",
        "where": "zephyr.toml:8",
    }


@pytest.mark.parametrize("mode", ["table", "json", "quiet"])
def test_show_hides_secrets(cli, file, mode):
    _code, out, err = cli("config", "show", "-o", mode)
    assert "HF_TOKEN" in out
    assert "hf_verysecret" not in out + err


def test_show_says_that_there_is_no_limit_as_it_is_written(cli, file, monkeypatch):
    monkeypatch.setenv("ZEPHYR_TTL", "none")
    assert row(cli("config", "show")[1], "cost.ttl") == ["cost.ttl", '"none"']
    assert 'cost.ttl = "none"\n' in cli("config", "show", "-o", "quiet")[1]


def test_show_quiet_is_toml_without_what_is_unset(cli, file):
    _code, out, _err = cli("config", "show", "-o", "quiet")
    assert 'name = "demo"\n' in out
    assert "unset" not in out


def test_a_mistake_is_a_configuration_error(cli, file):
    file.write_text("[access]\nport = 'http'\n")
    code, out, err = cli("config", "show")
    assert (code, out) == (3, "")
    assert 'access.port = "http" (zephyr.toml:2)' in err
    assert "zephyr-deploy init --stdout" in err


def test_path_prints_the_file(cli, file):
    assert cli("config", "path")[:2] == (0, f"{file}\n")


def test_path_without_a_file(cli):
    code, out, err = cli("config", "path")
    assert (code, out) == (3, "")
    assert "zephyr-deploy init" in err


def test_path_of_a_file_that_is_not_there(cli):
    assert cli("--config", "no.toml", "config", "path")[0] == 3


def test_schema_is_one(cli):
    code, out, _err = cli("config", "schema")
    assert code == 0
    Draft202012Validator.check_schema(json.loads(out))
    assert json.loads(out)["title"] == "zephyr.toml"
