"""What holds for every command, whoever wrote it."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

import pytest

from zephyr_deploy.cli import main as program
from zephyr_deploy.cli.verb import COST, DEPLOY, FIX, LOOK, Group, Verb

INNER = re.compile(r"\$\((.*?)\)")


def verbs() -> Iterator[tuple[str, Verb]]:
    """Every command that does something, with its full name."""
    for name in program.COMMANDS:
        command = program.load(name)
        if isinstance(command, Group):
            yield from ((f"{name} {verb.name}", verb) for verb in command.verbs)
        else:
            yield name, command


VERBS = dict(verbs())
EXAMPLES = [(name, command) for name, verb in VERBS.items() for command, _what in verb.examples]


def calls(line: str) -> list[list[str]]:
    """The calls of zephyr-deploy in one line of shell, e.g. ``a | zephyr-deploy chat -``."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    if "zephyr-deploy" not in words:
        return [call for word in words for inner in INNER.findall(word) for call in calls(inner)]
    call = words[words.index("zephyr-deploy") + 1 :]
    end = next((i for i, word in enumerate(call) if set(word) <= set("|&;<>()")), len(call))
    return [call[:end]]


def test_calls_are_found_in_a_line_of_shell():
    assert calls('eval "$(zephyr-deploy env)"') == [["env"]]
    assert calls("echo a | zephyr-deploy chat - > out") == [["chat", "-"]]
    assert calls("zephyr-deploy bench --fail-if 'errors>0' && echo good") == [["bench", "--fail-if", "errors>0"]]


@pytest.mark.parametrize("name", VERBS)
def test_every_command_is_named_shown_and_explained(name):
    verb = VERBS[name]
    assert name.split()[-1] == verb.name
    assert verb.panel in {DEPLOY, LOOK, COST, FIX}
    assert re.match(r"[A-Z].*[.]", verb.help), "the help is a sentence"
    assert verb.examples, "a command without an example"


@pytest.mark.parametrize("name", VERBS)
def test_every_option_is_explained(name):
    for parameter in VERBS[name].parameters():
        assert parameter.annotation.__metadata__[0].help, parameter.name


@pytest.mark.parametrize("name", VERBS)
def test_every_help_shows_the_examples(capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    assert program.main([*name.split(), "--help"]) == 0
    page = capsys.readouterr().out
    for command, what in VERBS[name].examples:
        assert command in page
        assert what in page
    for option in ("--output", "--yes", "--config", "--profile", "--debug"):
        assert option in page


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_every_example_parses(monkeypatch, capsys, name, line):
    ran: list[str] = []

    def recording(command: Verb | Group) -> Verb | Group:
        if isinstance(command, Group):
            return replace(command, verbs=tuple(recording(verb) for verb in command.verbs))

        @functools.wraps(command.run)
        def record(*_args, **_values):
            ran.append(command.name)

        return replace(command, run=record)

    load = program.load
    monkeypatch.setattr(program, "load", lambda name: recording(load(name)))
    found = calls(line)
    assert found, "the example does not call zephyr-deploy"
    for call in found:
        assert program.main(call) == 0, capsys.readouterr().err
    assert name.split()[-1] in ran
