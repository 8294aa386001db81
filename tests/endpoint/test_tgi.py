"""Complete results through the official client: texts, counts, streams, interruption."""

import asyncio
import os
import signal
import threading
from contextlib import aclosing

import pydantic
import pytest

from zephyr_deploy.endpoint.tgi import AsyncTgiClient, TgiClient
from zephyr_deploy.endpoint.types import Message, Params
from zephyr_deploy.errors import UnauthorizedError

ASK = Params(max_new_tokens=20)
ANSWER = "The capital of Japan is Tokyo."


def ours(endpoint, **options):
    return TgiClient(endpoint, **{"deadline_s": 10, **options})


def test_generate(endpoint):
    got = ours(endpoint).generate("hi", ASK)
    assert (got.text, got.finish_reason, got.prompt_tokens, got.generated_tokens) == (ANSWER, "eos_token", 1, 8)


def test_stream_gives_the_tokens_and_then_the_whole(endpoint):
    *deltas, last = ours(endpoint).stream("hi", ASK)
    assert [d.text for d in deltas] == ["The", " capital", " of", " Japan", " is", " Tokyo", "."]
    assert (last.text, last.final.text, last.final.generated_tokens) == ("", ANSWER, 8)


def test_chat(endpoint):
    got = ours(endpoint).chat([Message(role="user", content="hi there")], ASK)
    assert (got.text, got.finish_reason, got.prompt_tokens, got.generated_tokens) == (ANSWER, "eos_token", 2, 8)


def test_length(endpoint):
    got = ours(endpoint).generate("hi", Params(max_new_tokens=2))
    assert (got.text, got.finish_reason) == ("The capital", "length")


def test_the_key_is_sent(tgi, endpoint):
    tgi.script.api_key = "sesame"
    with pytest.raises(UnauthorizedError):
        ours(endpoint).generate("hi", ASK)
    assert ours(endpoint.model_copy(update={"api_key": pydantic.SecretStr("sesame")})).generate("hi", ASK).text


def test_leaving_a_stream_frees_the_server(tgi, endpoint, until):
    tgi.script.itl_s = 0.1
    stream = ours(endpoint).stream("hi", ASK)
    assert next(stream).text == "The"
    stream.close()
    until(lambda: tgi.gone == 1)


def test_ctrl_c_ends_the_request(tgi, endpoint, until):
    tgi.script.ttft_s = 30

    def press():
        until(lambda: tgi.requests)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        list(ours(endpoint, deadline_s=60).stream("hi", ASK))
    until(lambda: tgi.gone == 1)


def test_inside_a_running_loop(endpoint):
    """As in a notebook."""

    async def cell():
        return ours(endpoint).generate("hi", ASK).text

    assert asyncio.run(cell()) == ANSWER


def test_async_streams_at_once(tgi, endpoint):
    client = AsyncTgiClient(endpoint)
    tgi.script.itl_s = 0.05

    async def one():
        async with aclosing(client.stream("hi", ASK)) as deltas:
            return "".join([delta.text async for delta in deltas])

    async def many():
        return await asyncio.gather(*(one() for _ in range(8)))

    assert asyncio.run(many()) == [ANSWER] * 8
