"""What the Tab key offers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zephyr_deploy.cli.completion import deployment_names


def complete(words: str, state: Path) -> list[str]:
    """What bash would offer for the last of ``words``."""
    env = {
        **os.environ,
        "ZEPHYR_STATE_DIR": str(state),
        "_ZEPHYR_DEPLOY_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    command = [sys.executable, "-m", "zephyr_deploy"]
    ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    return ran.stdout.split()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    for name in ("zephyr", "zebra", "mistral"):
        (tmp_path / "deployments" / name).mkdir(parents=True)
    (tmp_path / "deployments" / "zoo.txt").touch()
    return tmp_path


def test_names_come_from_local_state(state, monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(state))
    assert deployment_names("z") == ["zebra", "zephyr"]
    assert deployment_names("") == ["mistral", "zebra", "zephyr"]


def test_without_state_there_is_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "none"))
    assert deployment_names("") == []


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("zephyr-deploy sta", ["status"]),
        ("zephyr-deploy status z", ["zebra", "zephyr"]),
        ("zephyr-deploy logs --fol", ["--follow"]),
        ("zephyr-deploy logs --output q", ["quiet"]),
    ],
)
def test_through_the_shell(state, words, offered):
    assert complete(words, state) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_the_shell(shell):
    env = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    command = [sys.executable, "-m", "zephyr_deploy", "--show-completion", shell]
    ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert "_ZEPHYR_DEPLOY_COMPLETE" in ran.stdout
