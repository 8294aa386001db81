"""A name becomes part of paths, so what is no name reaches none of them."""

import os
from pathlib import Path

import pytest

from zephyr_deploy import down, endpoint_of, logs, services, status
from zephyr_deploy.deploy.lock import deployment_lock
from zephyr_deploy.errors import ConfigError, NotDeployedError
from zephyr_deploy.paths import deployment_dir, private_dir, state_dir
from zephyr_deploy.spec.deployment import Deployment

PATHS = ["..", ".", "../..", "../../precious", "a/b", "/", "a/../..", ""]


@pytest.fixture
def precious(home) -> Path:
    file = home / "precious" / "file"
    file.parent.mkdir()
    file.touch()
    other = deployment_dir("other") / "record.json"
    other.parent.mkdir(parents=True)
    other.touch()
    yield file
    assert file.exists()
    assert other.exists()


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("verb", [down, status, logs, endpoint_of, services])
def test_a_path_is_no_name(verb, name, precious):
    with pytest.raises(ConfigError) as caught:
        verb(name)
    assert repr(name) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", PATHS)
def test_no_lock_and_no_folder_outside(name, precious):
    with pytest.raises(ConfigError), deployment_lock(name, "down"):
        pass
    with pytest.raises(ConfigError):
        deployment_dir(name)


@pytest.mark.parametrize("name", ["a", "demo", "a-1", "a" * 40])
def test_what_a_deployment_may_be_called_has_a_folder(name, home):
    assert deployment_dir(Deployment(name=name).name).parent == state_dir() / "deployments"


def test_a_strange_folder_among_the_deployments_is_passed_by(home):
    (state_dir() / "deployments" / ".Trash 1").mkdir(parents=True)
    assert services() == []


def test_the_next_command_names_the_deployment(home):
    with pytest.raises(NotDeployedError) as caught:
        endpoint_of("demo")
    assert "zephyr-deploy up demo" in caught.value.hint
    with pytest.raises(NotDeployedError) as caught:
        logs("demo")
    assert "zephyr-deploy up demo" in caught.value.hint


@pytest.mark.parametrize("verb", [down, status, logs])
def test_the_deployments_of_another_user_are_left_to_that_user(verb, home, monkeypatch):
    """Its processes are not ours to see: `down` would delete the notes of a service that runs on."""
    note = deployment_dir("demo") / "record.json"
    private_dir(note.parent)
    note.touch()
    monkeypatch.setattr(os, "getuid", lambda: note.stat().st_uid + 1)
    with pytest.raises(ConfigError, match="another user"):
        verb("demo")
    assert note.exists()
    assert not (state_dir() / "locks").exists()
