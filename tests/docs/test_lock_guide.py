"""The guide to zephyr.lock: its commands are such, and the file that it shows is one."""

from __future__ import annotations

import json
import re

import pytest
from release.test_lockfile import lockfile

from zephyr_deploy.cli.main import load
from zephyr_deploy.release.lockfile import lock_text
from zephyr_deploy.resources import PACKAGE

GUIDE = (PACKAGE.parent / "docs" / "guides" / "lock.md").read_text()


def options(command):
    verb = load(command)
    verbs = getattr(verb, "verbs", (verb,))
    return {f"--{parameter.name.replace('_', '-')}" for verb in verbs for parameter in verb.parameters()}


@pytest.mark.parametrize("line", re.findall(r"^\$ zephyr-deploy (.*)$", GUIDE, re.MULTILINE))
def test_its_commands_are_such(line):
    command, *words = line.split()
    assert {word for word in words if word.startswith("--")} - {"--yes"} <= options(command)


def within(shown, real):
    """The keys of what is shown that the real thing lacks."""
    if isinstance(shown, dict) and isinstance(real, dict):
        return [key for key in shown if key not in real or within(shown[key], real[key])]
    if isinstance(shown, list) and isinstance(real, list):
        return within(shown[0], real[0])
    return [] if type(shown) is type(real) else [shown]


def test_the_file_that_it_shows_is_one():
    shown = re.search(r"^```json\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)[1]
    real = lock_text(lockfile())
    assert within(json.loads(shown), json.loads(real)) == []
    assert list(json.loads(shown)) == sorted(json.loads(shown))
