"""The program that a node runs: what it may be made of, how it is sent, and what it does when nobody listens."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import zephyr_deploy.agent
from zephyr_deploy.agent.errors import GoneError
from zephyr_deploy.agent.verbs import VERBS
from zephyr_deploy.node import program

FOLDER = Path(zephyr_deploy.agent.__file__).parent
FILES = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_is_python_3_8(path):
    """Its syntax; what the library of 3.8 lacks cannot be seen here, but for the methods below."""
    text = path.read_text()
    ast.parse(text, feature_version=(3, 8))
    for newer in (".removeprefix(", ".removesuffix(", "strict=True", "import tomllib", "ExceptionGroup"):
        assert newer not in text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_needs_nothing_but_the_standard_library(path):
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names | {"zephyr_deploy"}
    ours = [
        node.module
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("zephyr_deploy")
    ]
    assert all(module.startswith("zephyr_deploy.agent") for module in ours)


def test_it_is_sent_the_same_each_time():
    program.archive.cache_clear()
    first = program.archive()
    program.archive.cache_clear()
    assert program.archive() == first
    assert len(first) < 60_000


def called(request, *, user="root"):
    """As on a node: the command in a shell, program and request on stdin, outside of this checkout."""
    data = program._stdin(request)
    return subprocess.run(
        ["sh", "-c", program.command(user)],
        input=data,
        capture_output=True,
        cwd="/",
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )


def test_it_runs_from_stdin_and_answers_in_lines():
    done = called({"verb": "look"})
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert events[-1]["event"] == "result"
    machine = events[-1]["machine"]
    assert machine["cpus"] >= 1
    assert machine["memory_bytes"] > 0


def test_what_nobody_expected_is_told_too():
    done = called({"verb": "logs"})
    error = json.loads(done.stdout.splitlines()[-1])
    assert (error["event"], error["kind"]) == ("error", "internal")
    assert "KeyError" in error["message"]
    assert done.returncode == 1


def test_verbs_have_names_as_they_are_called():
    assert {"look", "apply", "rollback", "remove", "logs", "releases", "files"} <= set(VERBS)


def test_a_user_who_is_not_root_becomes_root_without_a_question():
    assert program.command("ubuntu").startswith("sudo -n env SSH_CONNECTION=")
    assert program.command("root").startswith("python3 -c ")


def test_work_ends_when_nobody_listens(heard):
    heard.hang_up()
    heard.report.send("alive")
    with pytest.raises(GoneError):
        heard.report.check()


def test_but_a_switch_goes_on_to_its_end(heard):
    heard.hang_up()
    heard.report.send("alive")
    with heard.report.to_the_end():
        heard.report.check()
    with pytest.raises(GoneError):
        heard.report.check()


def test_phases_are_timed_and_told_whatever_comes_of_them(heard):
    def work():
        with heard.report.phase("weights", "Weights") as phase:
            phase.progress(5, 10)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        work()
    started, progress, ended = heard.events()
    assert (started["event"], started["state"]) == ("phase", "started")
    assert (progress["done"], progress["total"], progress["unit"]) == (5, 10, "bytes")
    assert (ended["state"], ended["phase"]) == ("failed", "weights")
    assert ended["seconds"] >= 0
