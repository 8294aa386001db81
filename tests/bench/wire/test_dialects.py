"""What is sent: JSON that a parser reads as meant, and nothing that an engine does not take."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.bench.asks import Ask, Turn
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.wire.dialects import dialect_of
from zephyr_deploy.endpoint.types import Endpoint

ENGINES = ["tgi", "vllm", "sglang", "llamacpp"]
TALK = Ask(Turn("and\nnow?", 7), (("hi", 'a "b"'), ("ü", "\ud83d\ude42")))
USAGE = {"include_usage": True}


def sent(client, engine="tgi", ask=TALK, **spec):
    endpoint = Endpoint(name="x", url="http://x", engine=engine, model_id="org/model")
    return json.loads(dialect_of(endpoint, BenchSpec(client=client, **spec)).body(ask))


def openai(engine):
    model = "tgi" if engine in {"tgi", "llamacpp"} else "org/model"
    return {"model": model, "temperature": 0.0, "stream": True, "stream_options": USAGE, "max_tokens": 7}


@pytest.mark.parametrize("engine", ENGINES)
def test_chat_says_who_said_what(engine):
    said = [("user", "hi"), ("assistant", 'a "b"'), ("user", "ü"), ("assistant", "🙂"), ("user", "and\nnow?")]
    messages = [{"role": role, "content": content} for role, content in said]
    assert sent("openai", engine) == {**openai(engine), "messages": messages}


@pytest.mark.parametrize("engine", ENGINES)
def test_completions_say_it_in_paragraphs(engine):
    prompt = 'hi\n\na "b"\n\nü\n\n🙂\n\nand\nnow?'
    assert sent("completions", engine) == {**openai(engine), "prompt": prompt}


@pytest.mark.parametrize("client", ["openai", "completions"])
@pytest.mark.parametrize("engine", ENGINES)
def test_answers_that_go_on_to_the_end(client, engine):
    more = {"min_tokens": 7} if engine in {"vllm", "sglang"} else {}
    plain = sent(client, engine)
    assert sent(client, engine, ignore_eos=True) == {**plain, "ignore_eos": True, **more}


def test_native():
    parameters = {"do_sample": False, "details": True, "max_new_tokens": 7}
    ask = Ask(Turn('"ü', 7))
    assert sent("native", ask=ask) == {"inputs": '"ü', "parameters": parameters}
    assert sent("native", ask=ask, ignore_eos=True)["parameters"] == {**parameters, "ignore_eos": True}


@given(st.text(), st.text(), st.text(), st.integers(1, 9**9))
def test_every_text_arrives_as_it_is(text, said, answer, tokens):
    ask = Ask(Turn(text, tokens), ((said, answer),))
    body = sent("openai", ask=ask)
    assert [message["content"] for message in body["messages"]] == [said, answer, text]
    assert body["max_tokens"] == tokens
