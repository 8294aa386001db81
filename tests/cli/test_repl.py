"""A conversation: lines as they are typed, and a real terminal."""

import io
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from zephyr_deploy.cli.output import Output
from zephyr_deploy.cli.repl import Repl
from zephyr_deploy.endpoint.chat import Conversation
from zephyr_deploy.endpoint.openai import OpenAIClient
from zephyr_deploy.endpoint.types import Endpoint, Params

ANSWER = "The capital of Japan is Tokyo."


@pytest.fixture(autouse=True)
def room(tgi):
    """Enough for a few turns and the REPL's own limit of an answer."""
    tgi.script.max_total_tokens = 400


@pytest.fixture
def talk(tgi):
    endpoint = Endpoint(name="zephyr", url=tgi.url, engine="tgi", model_id="m")
    with OpenAIClient(endpoint, deadline_s=10) as client:
        yield Conversation(client, Params(max_new_tokens=20))


@pytest.fixture
def type_in(talk):
    """Type these lines; an exception stands for the key that raises it."""

    def run(*lines):
        out, err = io.StringIO(), io.StringIO()
        keys = iter([*lines, EOFError()])

        def read():
            key = next(keys)
            if isinstance(key, BaseException):
                raise key
            return key

        Repl(talk, Output(stdout=out, stderr=err), read).run()
        return out.getvalue(), err.getvalue()

    return run


def test_question_by_question(type_in, talk):
    assert type_in("one", "", "two")[0] == f"{ANSWER}\n{ANSWER}\n"
    assert [turn.content for turn in talk.turns] == ["one", ANSWER, "two", ANSWER]


def test_exit_ends_it(type_in, tgi):
    type_in("/exit", "one")
    assert tgi.requests == []


def test_clear_and_system(type_in, tgi):
    type_in("one", "/clear", "/system Be brief.", "two")
    assert [message["content"] for message in tgi.posted("/v1/chat/completions")["messages"]] == ["Be brief.", "two"]
    type_in("/clear", "/system", "three")
    assert [message["content"] for message in tgi.posted("/v1/chat/completions")["messages"]] == ["three"]


def test_help_and_what_is_unknown(type_in, tgi):
    _, err = type_in("/help", "/hlep")
    assert err.count("/clear ") == 2
    assert "There is no /hlep." in err
    assert tgi.requests == []


def test_ctrl_c_at_the_prompt_does_not_leave(type_in):
    out, err = type_in(KeyboardInterrupt(), "one")
    assert out == ANSWER + "\n"
    assert "leaves" in err


def test_ctrl_c_stops_the_answer_and_not_the_conversation(type_in, talk, tgi, monkeypatch):
    stream = talk._client.stream

    def pressed(messages, params):
        deltas = stream(messages, params)
        yield next(deltas)
        deltas.close()
        raise KeyboardInterrupt

    def then_as_before(messages, params):
        monkeypatch.setattr(talk._client, "stream", stream)
        return pressed(messages, params)

    monkeypatch.setattr(talk._client, "stream", then_as_before)
    out, err = type_in("one", "two")
    assert out == f"The{ANSWER}\n"
    assert "Stopped." in err
    assert [turn.content for turn in talk.turns] == ["one", "The", "two", ANSWER]


def test_an_error_ends_the_answer_and_not_the_conversation(type_in, tgi):
    tgi.script.max_input_tokens = 8
    out, err = type_in("one", "two " * 9, "/clear", "three")
    assert out == f"{ANSWER}\n{ANSWER}\n"
    assert "Begin anew with /clear." in err


def test_a_line_that_is_not_utf8_is_said_and_the_conversation_goes_on(type_in):
    out, err = type_in("\udcff", "one")
    assert out == f"{ANSWER}\n"
    assert "not UTF-8" in err


def test_on_a_terminal(tgi, tmp_path):
    """A real process on a real pseudo-terminal: the prompt, an answer stopped by the signal of Ctrl-C, Ctrl-D."""
    tgi.script.itl_s = 0.4
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from zephyr_deploy.cli.main import run; run()", "chat", "--url", tgi.url]
    env = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env=env)
    os.close(theirs)
    try:
        read_until(ours, "> ")
        os.write(ours, b"one\n")
        assert read_until(ours, "The capital").count(ANSWER) == 0
        process.send_signal(signal.SIGINT)
        tgi.script.itl_s = 0
        assert "Stopped." in read_until(ours, "> ")
        os.write(ours, b"two\n")
        assert ANSWER in read_until(ours, "> ")
        os.write(ours, b"\x04")
        assert process.wait(10) == 0
        assert tgi.gone == 1
    finally:
        process.kill()
        process.wait(10)
        os.close(ours)


def read_until(terminal, words):
    """What the terminal shows up to ``words``; fails after 20 s."""
    shown, deadline = "", time.monotonic() + 20
    while words not in shown:
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"no {words!r} in {shown!r}"
        shown += os.read(terminal, 4096).decode(errors="replace")
    return shown
