"""``zephyr-deploy chat``: one question, a pipe, a conversation."""

import importlib.util
import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zephyr_deploy.cli import main as program
from zephyr_deploy.cli.output import Output
from zephyr_deploy.cli.repl import Repl
from zephyr_deploy.endpoint.chat import Conversation
from zephyr_deploy.endpoint.openai import OpenAIClient
from zephyr_deploy.endpoint.types import Endpoint, Params

ANSWER = "The capital of Japan is Tokyo."


@pytest.fixture(scope="module")
def emulator():
    path = Path(__file__).parent.parent / "emulators" / "tgi.py"
    spec = importlib.util.spec_from_file_location("chat_cli_tgi", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tgi(emulator):
    with emulator.FakeTgi(emulator.Script(max_total_tokens=400)) as server:
        yield server


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("STATE", "CACHE"):
        monkeypatch.setenv(f"ZEPHYR_{name}_DIR", str(tmp_path / name))


@pytest.fixture
def chat(tgi, capsys):
    def call(*argv):
        code = program.main(["chat", "--url", tgi.url, *argv])
        got = capsys.readouterr()
        return code, got.out, got.err

    return call


def typed(monkeypatch, text, *, terminal=False):
    stdin = io.StringIO(text)
    stdin.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stdin", stdin)


def posted(tgi):
    return next(request.body for request in reversed(tgi.requests) if request.path == "/v1/chat/completions")


def test_one_question(chat):
    assert chat("Capital of Japan?") == (0, ANSWER + "\n", "")


def test_stdin_when_it_is_no_terminal(chat, tgi, monkeypatch):
    typed(monkeypatch, "Capital of Japan?\n")
    assert chat() == (0, ANSWER + "\n", "")
    assert posted(tgi)["messages"] == [{"role": "user", "content": "Capital of Japan?\n"}]


def test_a_dash_reads_stdin(chat, tgi, monkeypatch):
    typed(monkeypatch, "hi", terminal=True)
    assert chat("-")[0] == 0
    assert posted(tgi)["messages"][0]["content"] == "hi"


def test_stdin_beside_a_question_is_left_alone(chat, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert chat("Capital of Japan?")[0] == 0


def test_nothing_on_stdin(chat, monkeypatch):
    typed(monkeypatch, "")
    code, out, err = chat()
    assert (code, out) == (2, "")
    assert "the question is empty" in err


def test_flags_and_the_sampling_of_the_file(chat, tgi):
    chat("hi", "--system", "Be brief.", "--seed", "7", "--max-new-tokens", "9")
    body = posted(tgi)
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (body["seed"], body["max_tokens"]) == (7, 9)
    # The model card of Zephyr recommends these.
    assert (body["temperature"], body["top_k"], body["top_p"]) == (0.7, 50, 0.95)


def test_temperature_0_is_greedy(chat, tgi):
    chat("hi", "--temperature", "0")
    assert posted(tgi)["temperature"] == 0
    assert not {"top_k", "top_p"} & posted(tgi).keys()


def test_json(chat):
    code, out, err = chat("hi", "--output", "json")
    answer = json.loads(out)
    assert (code, err, answer["kind"]) == (0, "", "chat")
    data = answer["data"]
    assert data.pop("seconds") >= data.pop("first_token_s") > 0
    assert data == {
        "model_id": "HuggingFaceH4/zephyr-7b-beta",
        "text": ANSWER,
        "finish_reason": "eos_token",
        "prompt_tokens": 1,
        "generated_tokens": 8,
    }


def test_a_cut_answer_is_told_on_stderr(chat):
    code, out, err = chat("hi", "--max-new-tokens", "2")
    assert (code, out) == (0, "The capital\n")
    assert "--max-new-tokens" in err


def test_quiet_says_the_answer_and_nothing_else(chat):
    assert chat("hi", "--max-new-tokens", "2", "--output", "quiet") == (0, "The capital\n", "")


def test_text_does_not_steer_the_terminal(chat, tgi):
    tgi.script.tokens = ["a\x1b[2Jb", "\x9bc\tté\n", "\r\x07"]
    assert chat("hi")[1] == "a[2Jbc\tté\n\n"


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("overloaded", 7, "Model is overloaded"),
        ("truncated", 7, "before the end of the answer"),
        ("unauthorized", 4, "--api-key-env"),
    ],
)
def test_errors(chat, tgi, fault, code, words):
    tgi.script.fault = fault
    got, _, err = chat("hi")
    assert got == code
    assert words in err


def test_the_key_comes_from_the_environment(chat, tgi, monkeypatch):
    tgi.script.api_key = "sesame"
    monkeypatch.setenv("MY_KEY", "sesame")
    assert chat("hi", "--api-key-env", "MY_KEY")[0] == 0


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--api-key-env", "NOT_SET"], "NOT_SET is not set"),
        (["--name", "zephyr"], "not both"),
        (["--temperature", "-1"], "temperature"),
    ],
)
def test_wrong_calls(chat, argv, words):
    code, _, err = chat("hi", *argv)
    assert code == 2
    assert words in err


def test_no_address(capsys):
    assert program.main(["chat", "hi", "--url", "localhost:8080"]) == 2
    assert "no address" in capsys.readouterr().err


def test_a_deployment_is_looked_up(tgi, monkeypatch, capsys):
    from zephyr_deploy.deploy import find

    asked = []

    def endpoint_of(name):
        asked.append(name)
        return Endpoint(name="zephyr", url=tgi.url, engine="tgi", model_id="m")

    monkeypatch.setattr(find, "endpoint_of", endpoint_of)
    assert program.main(["chat", "hi", "--name", "demo"]) == 0
    assert asked == ["demo"]
    assert capsys.readouterr().out == ANSWER + "\n"


def test_a_conversation_has_no_json(chat, monkeypatch):
    typed(monkeypatch, "", terminal=True)
    assert chat("--output", "json")[0] == 2


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


class TestConversation:
    """Lines as they are typed; an exception stands for the key that raises it."""

    @pytest.fixture
    def talk(self, tgi):
        endpoint = Endpoint(name="zephyr", url=tgi.url, engine="tgi", model_id="m")
        with OpenAIClient(endpoint, deadline_s=10) as client:
            yield Conversation(client, Params(max_new_tokens=20))

    @pytest.fixture
    def type_in(self, talk):
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

    def test_question_by_question(self, type_in, talk):
        assert type_in("one", "", "two")[0] == f"{ANSWER}\n{ANSWER}\n"
        assert [turn.content for turn in talk.turns] == ["one", ANSWER, "two", ANSWER]

    def test_exit_ends_it(self, type_in, tgi):
        type_in("/exit", "one")
        assert tgi.requests == []

    def test_clear_and_system(self, type_in, tgi):
        type_in("one", "/clear", "/system Be brief.", "two")
        assert [message["content"] for message in posted(tgi)["messages"]] == ["Be brief.", "two"]
        type_in("/clear", "/system", "three")
        assert [message["content"] for message in posted(tgi)["messages"]] == ["three"]

    def test_help_and_what_is_unknown(self, type_in, tgi):
        _, err = type_in("/help", "/hlep")
        assert err.count("/clear ") == 2
        assert "There is no /hlep." in err
        assert tgi.requests == []

    def test_ctrl_c_at_the_prompt_does_not_leave(self, type_in):
        out, err = type_in(KeyboardInterrupt(), "one")
        assert out == ANSWER + "\n"
        assert "leaves" in err

    def test_ctrl_c_stops_the_answer_and_not_the_conversation(self, type_in, talk, tgi, monkeypatch):
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

    def test_an_error_ends_the_answer_and_not_the_conversation(self, type_in, tgi):
        tgi.script.max_input_tokens = 8
        out, err = type_in("one", "two " * 9, "/clear", "three")
        assert out == f"{ANSWER}\n{ANSWER}\n"
        assert "Begin anew with /clear." in err
