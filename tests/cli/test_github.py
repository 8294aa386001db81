"""Nothing that the tool prints is a workflow command, unless it is meant as one."""

from __future__ import annotations

import io
import json
import time

import pytest
from ci.log import commands
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zephyr_deploy.cli import main as program
from zephyr_deploy.cli.github import Defused, annotation, harmless, output
from zephyr_deploy.cli.session import Session
from zephyr_deploy.errors import UnhealthyError

HOSTILE = (
    "::set-output name=endpoint::https://evil.example",
    "  \t::error::x",
    "a\r::add-path::/evil",
    "\u2028::warning::b",
    "\u200b:\u00ad:error::x",
    "2026-11-26 INFO ##[set-env name=PATH]/evil",
    "#\u200b#[error]x",
)
LETTERS = st.sampled_from([":", "#", "[", "]", " ", "\n", "\r", "\t", "error", "::error::", "##[error]", "\u200b", "x"])


@pytest.mark.parametrize("text", HOSTILE)
def test_what_would_be_a_command_is_none(text):
    assert commands(text), "the test's own reading of a log knows it"
    assert not commands(harmless(text))


@pytest.mark.parametrize("text", ["a::b", "std::vector<int>", "#[derive]", "## [x]", "http://[::1]:80", "a\n\nb: c"])
def test_what_is_none_stays_as_it_is(text):
    assert harmless(text) == text


def test_many_empty_lines_take_no_longer_than_they_should():
    """Milliseconds; more than half a minute where each is a place from which all others are run over."""
    text, begun = "\n" * 160_000, time.process_time()
    assert harmless(text) == text
    assert time.process_time() - begun < 10


@settings(max_examples=150)
@example(pieces=[":", ":error::x"])
@example(pieces=["#", "#", "[error]x"])
@given(st.lists(st.lists(LETTERS, max_size=6).map("".join), max_size=8))
def test_it_does_not_matter_in_which_pieces_it_comes(pieces):
    stream = io.StringIO(newline="")
    defused = Defused(stream)
    for piece in pieces:
        assert defused.write(piece) == len(piece)
    written = stream.getvalue()
    assert not commands(written)
    assert written == harmless("".join(pieces))


@pytest.mark.parametrize("mode", ["table", "quiet", "json"])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_log_that_the_tool_shows(probe, monkeypatch, text, mode):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    def fail(session: Session) -> None:
        session.out.item("line", {"line": text}, text=f"{text}\n")
        raise UnhealthyError(text, hint=text, details={"log": [text, text], "line": text})

    ran = probe(fail, "probe", "-o", mode, "--debug")
    assert not commands(ran.out)
    assert not commands(ran.err)
    if mode == "json":
        assert json.loads(ran.out.split("\n")[0])["data"]["line"] == text


def test_elsewhere_nothing_is_changed(probe):
    def show(session: Session) -> None:
        session.out.item("line", {}, text="::error::x\n")

    assert probe(show, "probe").out == "::error::x\n"


def test_a_word_that_nobody_knows_is_harmless(capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert program.main(["##[error]x"]) == 2
    assert not commands(capsys.readouterr().err)


def test_what_is_meant_arrives_whatever_is_in_it():
    said = annotation("error", "a:b,c=50%", "one\r\ntwo: 100%0A\n::error::three")
    assert commands(said) == [("error", {"title": "a:b,c=50%"}, "one\r\ntwo: 100%0A\n::error::three")]


def test_no_value_ends_its_own_entry():
    one, two = (output("endpoint", "a\nEOF\nrelease=evil") for _ in range(2))
    assert one.splitlines()[0] != two.splitlines()[0]
    assert one.splitlines()[1:4] == ["a", "EOF", "release=evil"]
