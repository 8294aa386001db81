"""The program that a node runs: what it may be made of, how it is sent, and what it does when nobody listens."""

import ast
import importlib
import io
import json
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

import zephyr_deploy.agent
from zephyr_deploy.agent.errors import GoneError
from zephyr_deploy.agent.main import VERBS
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


def sent(verb):
    """The modules that travel with a call of ``verb``."""
    with zipfile.ZipFile(io.BytesIO(zlib.decompress(program.archive(verb)))) as archive:
        return {Path(name).stem: archive.read(name).decode() for name in archive.namelist() if "/agent/" in name}


def imported_at_run_time(text):
    """Modules of the program that a module imports, wherever in it, but for those that only type checkers see."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("zephyr_deploy.agent"):
            own = (node.module or "").removeprefix("zephyr_deploy.agent").lstrip(".")
            yield from [own] if own else [alias.name for alias in node.names]


@pytest.mark.parametrize("verb", VERBS)
def test_all_that_a_verb_may_import_is_sent(verb):
    modules = sent(verb)
    assert {"__init__", "main", VERBS[verb]} <= set(modules)
    for text in modules.values():
        assert set(imported_at_run_time(text)) <= set(modules)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_where_the_table_says(verb):
    assert callable(getattr(importlib.import_module(f"zephyr_deploy.agent.{VERBS[verb]}"), verb))


def test_a_look_is_sent_without_what_only_a_change_needs():
    assert not {"apply", "fetch", "transfer", "logs", "bundle", "verbs"} & set(sent("look"))
    assert len(program.archive("look")) < 33_000


def test_it_is_sent_the_same_each_time():
    program.archive.cache_clear()
    first = program.archive("apply")
    program.archive.cache_clear()
    assert program.archive("apply") == first
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
