"""Every file of examples/ is valid, in each of its profiles."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from zephyr_deploy.spec.load import load

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.toml"))


def profiles(path: Path) -> list[str | None]:
    return [None, *tomllib.loads(path.read_text()).get("profile", {})]


def test_there_are_examples():
    assert {path.stem for path in FILES} >= {"local", "aws-zephyr-awq", "vllm", "ssh"}


@pytest.mark.parametrize(("path", "profile"), [(path, name) for path in FILES for name in profiles(path)])
def test_an_example_is_valid(path, profile):
    loaded = load(config=path, profile=profile, environ={}, cwd=path.parent)
    assert loaded.deployment.model_fields_set >= {"name", "provider"}


def test_the_profiles_say_something():
    aws = next(path for path in FILES if path.stem == "aws-zephyr-awq")
    assert load(config=aws, profile="try", environ={}).deployment.machine.spot
    assert not load(config=aws, environ={}).deployment.machine.spot
