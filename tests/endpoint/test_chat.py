"""A conversation keeps what was said, and nothing that was not."""

import pytest

from zephyr_deploy.endpoint.chat import Conversation
from zephyr_deploy.endpoint.openai import OpenAIClient
from zephyr_deploy.endpoint.types import Message, Params
from zephyr_deploy.errors import InvalidRequestError, OverloadedError, UsageError

ANSWER = "The capital of Japan is Tokyo."


@pytest.fixture
def talk(endpoint):
    with OpenAIClient(endpoint, deadline_s=10) as client:
        yield Conversation(client, Params(max_new_tokens=20), system="Be brief.")


def ask(talk, question):
    return "".join(delta.text for delta in talk.ask(question))


def sent(tgi):
    return [(message["role"], message["content"]) for message in tgi.requests[-1].body["messages"]]


def test_each_question_carries_what_was_said(tgi, talk):
    assert ask(talk, "one") == ANSWER
    ask(talk, "two")
    assert sent(tgi) == [("system", "Be brief."), ("user", "one"), ("assistant", ANSWER), ("user", "two")]


def test_clear_keeps_the_system_prompt(tgi, talk):
    ask(talk, "one")
    talk.clear()
    ask(talk, "two")
    assert sent(tgi) == [("system", "Be brief."), ("user", "two")]


def test_no_system_prompt(tgi, talk):
    talk.system = None
    ask(talk, "one")
    assert sent(tgi) == [("user", "one")]


def test_an_answer_that_was_stopped_counts_as_far_as_it_came(tgi, talk, until):
    tgi.script.itl_s = 0.1
    deltas = talk.ask("one")
    assert next(deltas).text == "The"
    deltas.close()
    assert talk.turns == [Message(role="user", content="one"), Message(role="assistant", content="The")]
    until(lambda: tgi.gone == 1)


def test_a_refused_question_does_not_count(tgi, talk):
    tgi.script.fault = "overloaded"
    with pytest.raises(OverloadedError):
        ask(talk, "one")
    assert talk.turns == []


def test_a_conversation_that_grew_too_long(tgi, talk):
    ask(talk, "one")
    tgi.script.max_input_tokens = 5
    with pytest.raises(InvalidRequestError, match="conversation has become too long") as caught:
        ask(talk, "two")
    assert caught.value.hint == "Begin anew with /clear."
    assert len(talk.turns) == 2


def test_a_first_question_that_is_too_long(talk):
    with pytest.raises(InvalidRequestError, match="question is too long") as caught:
        ask(talk, "word " * 200)
    assert "/clear" not in caught.value.hint


def test_an_empty_question(tgi, talk):
    with pytest.raises(UsageError):
        ask(talk, " \n")
    assert tgi.requests == []
