"""Our own chat: streamed and whole, and every way in which it can break."""

import pytest
from pydantic import SecretStr

from zephyr_deploy.endpoint.chunks import ChatAnswer, generation_of
from zephyr_deploy.endpoint.growing import finish_of
from zephyr_deploy.endpoint.openai import OpenAIClient, chat_body
from zephyr_deploy.endpoint.types import Endpoint, Message, Params
from zephyr_deploy.errors import (
    DeadlineError,
    IncompleteError,
    InvalidRequestError,
    OverloadedError,
    RequestError,
    UnauthorizedError,
    UnreachableError,
    UsageError,
)

ASK = Params(max_new_tokens=20)
SAID = [Message(role="system", content="Be brief."), Message(role="user", content="Capital of Japan?")]
ANSWER = "The capital of Japan is Tokyo."


def stream(endpoint, params=ASK, **options):
    with OpenAIClient(endpoint, **{"deadline_s": 10, **options}) as client:
        return list(client.stream(SAID, params))


def chat(endpoint, params=ASK, **options):
    with OpenAIClient(endpoint, **{"deadline_s": 10, **options}) as client:
        return client.chat(SAID, params)


def both(endpoint):
    return (lambda: chat(endpoint)), (lambda: stream(endpoint))


def test_whole(endpoint):
    got = chat(endpoint)
    assert (got.text, got.finish_reason, got.prompt_tokens, got.generated_tokens) == (ANSWER, "eos_token", 5, 8)


def test_streamed(endpoint):
    *deltas, last = stream(endpoint)
    assert [d.text for d in deltas] == ["The", " capital", " of", " Japan", " is", " Tokyo", "."]
    assert all(d.final is None for d in deltas)
    assert last.final == chat(endpoint)


def test_text_of_many_bytes(tgi, endpoint):
    tgi.script.tokens = ["東", "京", " 🗼"]
    assert stream(endpoint)[-1].final.text == "東京 🗼"


@pytest.mark.parametrize(
    ("fault", "error"),
    [("overloaded", OverloadedError), ("validation", InvalidRequestError), ("generation", RequestError)],
)
def test_refusals_also_inside_a_200(tgi, endpoint, fault, error):
    tgi.script.fault = fault
    for call in both(endpoint):
        with pytest.raises(error) as caught:
            call()
        assert caught.value.hint


def test_out_of_memory_is_no_fault_of_the_request(tgi, endpoint):
    """TGI's chat stream calls every error 422."""
    tgi.script.fault = "generation"
    with pytest.raises(RequestError, match="out of memory") as caught:
        stream(endpoint)
    assert not isinstance(caught.value, InvalidRequestError)


@pytest.mark.parametrize("fault", ["truncated", "cut"])
def test_an_early_end_is_an_error(tgi, endpoint, fault):
    tgi.script.fault = fault
    with pytest.raises(IncompleteError):
        stream(endpoint)


@pytest.mark.parametrize(("fault", "status"), [("html_502", 502), ("plain_422", 422), ("json_without_error", 404)])
def test_foreign_answers(tgi, endpoint, fault, status):
    tgi.script.fault = fault
    for call in both(endpoint):
        with pytest.raises(RequestError) as caught:
            call()
        assert caught.value.status == status


def test_malformed(tgi, endpoint):
    tgi.script.fault = "malformed"
    with pytest.raises(RequestError, match="not JSON"):
        stream(endpoint)


def test_silence(tgi, endpoint):
    tgi.script.fault = "silent"
    for call in (chat, stream):
        with pytest.raises(DeadlineError):
            call(endpoint, deadline_s=0.2)


def test_keep_alives_do_not_extend_the_deadline(tgi, endpoint):
    tgi.script.fault, tgi.script.keep_alive_s = "hung", 0.05
    with pytest.raises(DeadlineError, match=r"0\.3 s"):
        stream(endpoint, deadline_s=0.3)


def test_the_key(tgi, endpoint):
    tgi.script.api_key = "sesame"
    for call in both(endpoint):
        with pytest.raises(UnauthorizedError) as caught:
            call()
        assert caught.value.exit_code == 4
    keyed = endpoint.model_copy(update={"api_key": SecretStr("sesame")})
    assert chat(keyed).text == ANSWER


def test_nobody_there(endpoint, unused_port):
    for call in both(endpoint.model_copy(update={"url": f"http://127.0.0.1:{unused_port}"})):
        with pytest.raises(UnreachableError):
            call()


def test_no_url(endpoint):
    with pytest.raises(UsageError, match="is not a URL"):
        chat(endpoint.model_copy(update={"url": "localhost:8080"}))


def test_no_proxy_before_this_machine(endpoint, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert chat(endpoint).text == ANSWER


def test_leaving_frees_the_server(tgi, endpoint, until):
    tgi.script.itl_s = 0.1
    with OpenAIClient(endpoint) as client:
        deltas = client.stream(SAID, ASK)
        assert next(deltas).text == "The"
        deltas.close()
        until(lambda: tgi.gone == 1)


@pytest.mark.parametrize(
    ("engine", "model"), [("tgi", "tgi"), ("llamacpp", "tgi"), ("vllm", "org/served"), ("sglang", "org/served")]
)
def test_the_model_has_the_engines_name(engine, model):
    endpoint = Endpoint(name="x", url="http://x", engine=engine, model_id="org/served")
    assert chat_body(endpoint, SAID, ASK)["model"] == model


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        (Params(), {"temperature": 0.0}),
        (Params(temperature=0, top_k=5, top_p=0.9), {"temperature": 0.0}),
        (Params(temperature=0.7, top_k=50, top_p=0.95), {"temperature": 0.7, "top_k": 50, "top_p": 0.95}),
        (Params(temperature=1, top_p=1), {"temperature": 1}),
        (Params(seed=0, stop=("a", "b")), {"temperature": 0.0, "seed": 0, "stop": ["a", "b"]}),
        (Params(frequency_penalty=-1), {"temperature": 0.0, "frequency_penalty": -1}),
    ],
)
def test_sampling(endpoint, params, sent):
    body = chat_body(endpoint, SAID, params)
    assert {key: value for key, value in body.items() if key not in {"model", "messages", "max_tokens"}} == sent


class TestDialects:
    def test_vllm_says_stop_and_which(self):
        assert finish_of("stop") == "eos_token"
        assert finish_of("stop", stopped_by="###") == "stop_sequence"
        assert finish_of("stop", stopped_by=32000) == "eos_token"

    @pytest.mark.parametrize("reason", ["abort", "content_filter", "None"])
    def test_an_end_that_is_none(self, reason):
        with pytest.raises(IncompleteError, match=reason):
            finish_of(reason)

    def test_no_usage(self):
        answer = ChatAnswer()
        answer.take({"choices": [{"delta": {"content": "x"}, "finish_reason": "length"}]})
        assert answer.final().final.generated_tokens is None

    def test_no_choice(self):
        with pytest.raises(RequestError, match="without a choice"):
            generation_of({"choices": []})
