"""The clients and the smoke test against the real engine."""

import pytest
from pydantic import SecretStr

from zephyr_deploy.endpoint.chat import Conversation
from zephyr_deploy.endpoint.discover import discover
from zephyr_deploy.endpoint.health import probe
from zephyr_deploy.endpoint.openai import OpenAIClient
from zephyr_deploy.endpoint.smoke import smoke
from zephyr_deploy.endpoint.tgi import TgiClient
from zephyr_deploy.endpoint.types import Message, Params
from zephyr_deploy.errors import InvalidRequestError, UnauthorizedError

pytestmark = pytest.mark.engine
ASKED = [
    Message(role="system", content="You are a helpful assistant."),
    Message(role="user", content="What is the capital of Japan?"),
]
SHORT = Params(max_new_tokens=16)


@pytest.fixture
def endpoint(service):
    return service.endpoint()


@pytest.fixture
def openai(endpoint):
    with OpenAIClient(endpoint, deadline_s=60) as client:
        yield client


def test_smoke_passes_every_check(endpoint):
    report = smoke(endpoint)
    assert {check.name: check.outcome for check in report.checks if check.outcome != "passed"} == {}
    assert report.passed


def test_health_and_limits(endpoint):
    health = probe(endpoint)
    assert (health.state, health.info.max_total_tokens) == ("ready", 512)


def test_discovered_by_its_address(endpoint):
    found = discover(endpoint.url, endpoint.api_key)
    assert (found.engine, found.model_id) == ("tgi", endpoint.model_id)


def test_every_way_gives_the_same_greedy_answer(endpoint, openai):
    tgi = TgiClient(endpoint, deadline_s=60)
    whole, streamed = openai.chat(ASKED, SHORT), list(openai.stream(ASKED, SHORT))
    assert "Tokyo" in whole.text
    assert streamed[-1].final == whole
    assert "".join(delta.text for delta in streamed) == whole.text
    assert tgi.chat(ASKED, SHORT) == whole


def test_the_tgi_client_counts_what_it_is_not_told(endpoint):
    tgi = TgiClient(endpoint, deadline_s=60)
    whole, streamed = tgi.generate("The capital of Japan is", SHORT), list(tgi.stream("The capital of Japan is", SHORT))
    assert streamed[-1].final == whole
    assert (whole.prompt_tokens, whole.generated_tokens, whole.finish_reason) == (5, 16, "length")
    assert "".join(delta.text for delta in streamed) == whole.text


def test_same_seed_same_answer(openai):
    hot = Params(max_new_tokens=16, temperature=1.5, seed=7)
    assert openai.chat(ASKED, hot).text == openai.chat(ASKED, hot).text


def test_stop_strings(openai):
    got = openai.chat(ASKED, Params(max_new_tokens=16, stop=("Japan",)))
    assert got.finish_reason == "stop_sequence"
    assert "Tokyo" not in got.text


def test_a_conversation_that_outgrows_the_model(openai):
    talk = Conversation(openai, Params(max_new_tokens=8))
    list(talk.ask("Say hi."))
    with pytest.raises(InvalidRequestError, match="conversation has become too long"):
        list(talk.ask("word " * 600))
    assert len(talk.turns) == 2


@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_wrong_key(endpoint, key):
    stranger = endpoint.model_copy(update={"api_key": SecretStr(key) if key else None})
    with OpenAIClient(stranger) as client, pytest.raises(UnauthorizedError):
        client.chat(ASKED, SHORT)
    with pytest.raises(UnauthorizedError):
        TgiClient(stranger).generate("hi", SHORT)


def test_empty_messages(openai):
    with pytest.raises(InvalidRequestError):
        openai.chat([], SHORT)
