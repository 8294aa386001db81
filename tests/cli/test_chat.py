"""``zephyr-deploy chat``: one question, or a pipe."""

import io
import json
import sys
from contextlib import contextmanager

import pytest

from zephyr_deploy.cli import main as program
from zephyr_deploy.endpoint.types import Endpoint

ANSWER = "The capital of Japan is Tokyo."


@pytest.fixture(autouse=True)
def room(tgi):
    """Enough for the limit of an answer that the command sets by itself."""
    tgi.script.max_total_tokens = 400


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


def test_one_question(chat):
    assert chat("Capital of Japan?") == (0, ANSWER + "\n", "")


def test_stdin_when_it_is_no_terminal(chat, tgi, monkeypatch):
    typed(monkeypatch, "Capital of Japan?\n")
    assert chat() == (0, ANSWER + "\n", "")
    assert tgi.posted("/v1/chat/completions")["messages"] == [{"role": "user", "content": "Capital of Japan?\n"}]


def test_a_dash_reads_stdin(chat, tgi, monkeypatch):
    typed(monkeypatch, "hi", terminal=True)
    assert chat("-")[0] == 0
    assert tgi.posted("/v1/chat/completions")["messages"][0]["content"] == "hi"


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
    body = tgi.posted("/v1/chat/completions")
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (body["seed"], body["max_tokens"]) == (7, 9)
    # The model card of Zephyr recommends these.
    assert (body["temperature"], body["top_k"], body["top_p"]) == (0.7, 50, 0.95)


def test_temperature_0_is_greedy(chat, tgi):
    chat("hi", "--temperature", "0")
    assert tgi.posted("/v1/chat/completions")["temperature"] == 0
    assert not {"top_k", "top_p"} & tgi.posted("/v1/chat/completions").keys()


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
    from zephyr_deploy.deploy import reach

    asked = []

    @contextmanager
    def reached(name):
        asked.append(name)
        yield Endpoint(name="zephyr", url=tgi.url, engine="tgi", model_id="m")

    monkeypatch.setattr(reach, "reached", reached)
    assert program.main(["chat", "hi", "--name", "demo"]) == 0
    assert asked == ["demo"]
    assert capsys.readouterr().out == ANSWER + "\n"


def test_a_conversation_has_no_json(chat, monkeypatch):
    typed(monkeypatch, "", terminal=True)
    assert chat("--output", "json")[0] == 2


def test_bytes_of_a_plain_locale_are_read_as_utf8(chat, tgi, monkeypatch):
    """What Python hands over for UTF-8 input where the locale is ASCII: one surrogate for each byte."""
    typed(monkeypatch, "Gr\u00fc\u00dfe".encode().decode("ascii", "surrogateescape"))
    assert chat()[0] == 0
    assert tgi.posted("/v1/chat/completions")["messages"][0]["content"] == "Gr\u00fc\u00dfe"


def test_a_pipe_that_is_not_utf8_is_said(chat, monkeypatch):
    typed(monkeypatch, "\udcff\udcfe")
    code, out, err = chat()
    assert (code, out) == (2, "")
    assert "Standard input is not UTF-8" in err


def test_a_pipe_that_a_strict_locale_cannot_read_is_said(chat, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(b"\xff"), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stdin)
    code, out, err = chat()
    assert (code, out) == (2, "")
    assert "Standard input is not UTF-8" in err
