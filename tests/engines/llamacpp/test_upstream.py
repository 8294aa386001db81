import asyncio

import pytest

from zephyr_deploy.engines.llamacpp.upstream import Answer, Chunk, Prob, Upstream, parse_answer, parse_chunk
from zephyr_deploy.errors import RequestError

PROB = {"id": 504, "token": "The", "bytes": [84], "logprob": -0.1, "top_logprobs": []}
EVENT = {
    "index": 0,
    "content": "The",
    "tokens": [504],
    "stop": False,
    "id_slot": -1,
    "tokens_predicted": 1,
    "tokens_evaluated": 28,
    "completion_probabilities": [PROB],
}
END = {
    "index": 0,
    "content": "",
    "tokens": [],
    "stop": True,
    "tokens_predicted": 12,
    "stop_type": "word",
    "stopping_word": "x",
}


def test_events_as_recorded_are_read():
    assert parse_chunk(EVENT) == Chunk("The", (504,), 1, Prob(504, "The", -0.1), stop=False)
    assert parse_chunk(END) == Chunk("", (), 12, None, stop=True, stop_type="word")


def test_whole_answers_as_recorded_are_read():
    raw = {**END, "content": "The", "tokens": [504, 7], "completion_probabilities": [PROB]}
    assert parse_answer(raw) == Answer("Thex", (504, 7), 12, (Prob(504, "The", -0.1),), "word")
    with pytest.raises(RequestError, match="unknown form"):
        parse_answer(EVENT)


@pytest.mark.parametrize("raw", [{}, {"content": "x"}, {**EVENT, "tokens": None}])
def test_other_events_are_errors(raw):
    with pytest.raises(RequestError, match="unknown form"):
        parse_chunk(raw)


def test_an_error_event_keeps_its_status():
    with pytest.raises(RequestError, match="boom") as raised:
        parse_chunk({"error": {"code": 500, "message": "boom", "type": "server_error"}})
    assert (raised.value.status, raised.value.error_type) == (500, "server_error")


def test_it_must_be_open():
    with pytest.raises(RequestError, match="not open"):
        asyncio.run(Upstream("http://127.0.0.1:1", "k").props())
