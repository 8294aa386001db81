"""The faults of text-generation 0.7.0, measured; and what our adapter makes of each.

Every class shows the raw client failing first: when a newer release no longer does, the test says so and the
workaround can go.
"""

import asyncio
import json
import warnings

import aiohttp
import pydantic
import pytest
import requests
from aiohttp.http_exceptions import LineTooLong
from text_generation import AsyncClient, Client
from text_generation.errors import ValidationError

from zephyr_deploy.endpoint.tgi import AsyncTgiClient, TgiClient
from zephyr_deploy.endpoint.types import Message, Params
from zephyr_deploy.errors import (
    DeadlineError,
    IncompleteError,
    InvalidRequestError,
    OverloadedError,
    RequestError,
    UnauthorizedError,
    UnreachableError,
)

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")
ASK = Params(max_new_tokens=20)
ANSWER = "The capital of Japan is Tokyo."


def ours(endpoint, **options):
    return TgiClient(endpoint, **{"deadline_s": 10, **options})


def text_of(deltas):
    return "".join(delta.text for delta in deltas)


async def raw_stream(url, **options):
    return [event async for event in AsyncClient(url, **options).generate_stream("hi")]


@pytest.fixture
def netrc(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


class TestTimeout:
    """Its default of 10 s is shorter than the 15 s between TGI's keep-alives, and covers a whole async answer."""

    def test_raw_defaults(self):
        assert Client("http://x").timeout == 10
        assert AsyncClient("http://x").timeout.total == 10

    def test_raw_async_gives_up_on_a_stream_that_lives(self, tgi):
        tgi.script.itl_s = 0.1
        with pytest.raises(asyncio.TimeoutError):
            asyncio.run(raw_stream(tgi.url, timeout=0.3))

    def test_ours_waits_for_a_stream_that_lives(self, tgi, endpoint):
        tgi.script.itl_s = 0.1
        assert text_of(ours(endpoint, silence_s=0.3).stream("hi", ASK)) == ANSWER

    def test_ours_outlasts_the_queue_while_keep_alives_come(self, tgi, endpoint):
        tgi.script.ttft_s, tgi.script.keep_alive_s = 0.6, 0.1
        assert text_of(ours(endpoint, silence_s=0.4).stream("hi", ASK)) == ANSWER

    def test_our_silence_is_longer_than_tgis_keep_alive(self):
        from zephyr_deploy.endpoint.http import SILENCE_S

        assert SILENCE_S > 2 * 15

    def test_ours_ends_a_silent_request(self, tgi, endpoint):
        tgi.script.fault = "silent"
        with pytest.raises(DeadlineError, match="silent"):
            list(ours(endpoint, silence_s=0.2).stream("hi", ASK))

    def test_ours_ends_a_stream_of_mere_keep_alives(self, tgi, endpoint):
        tgi.script.fault, tgi.script.keep_alive_s = "hung", 0.05
        with pytest.raises(DeadlineError, match=r"0\.4 s"):
            list(ours(endpoint, deadline_s=0.4).stream("hi", ASK))
        tgi.script.fault = "silent"
        with pytest.raises(DeadlineError):
            ours(endpoint, deadline_s=0.2).generate("hi", ASK)


class TestAnswersThatAreNotJson:
    """It parses a body as JSON before it looks at the status: an empty 401 ends in a parser's error."""

    @pytest.mark.parametrize("fault", ["unauthorized", "plain_422", "html_502"])
    def test_raw(self, tgi, fault):
        tgi.script.fault = fault
        with pytest.raises(requests.exceptions.JSONDecodeError):
            Client(tgi.url).generate("hi")
        with pytest.raises(aiohttp.ContentTypeError):
            asyncio.run(AsyncClient(tgi.url).generate("hi"))
        with pytest.raises(aiohttp.ContentTypeError):
            asyncio.run(raw_stream(tgi.url))

    @pytest.mark.parametrize(
        ("fault", "error", "status"),
        [
            ("unauthorized", UnauthorizedError, 401),
            ("plain_422", InvalidRequestError, 422),
            ("html_502", RequestError, 502),
        ],
    )
    def test_ours(self, tgi, endpoint, fault, error, status):
        tgi.script.fault = fault
        for call in (ours(endpoint).generate, lambda *a: list(ours(endpoint).stream(*a))):
            with pytest.raises(error) as caught:
                call("hi", ASK)
            assert caught.value.status == status
            assert caught.value.hint

    def test_raw_stumbles_over_json_of_another_form(self, tgi):
        tgi.script.fault = "json_without_error"
        with pytest.raises(KeyError, match="error"):
            Client(tgi.url).generate("hi")

    def test_ours_calls_it_foreign(self, tgi, endpoint):
        tgi.script.fault = "json_without_error"
        with pytest.raises(RequestError, match="TGI's form"):
            ours(endpoint).generate("hi", ASK)


class TestStreamsThatEndEarly:
    def test_raw_takes_a_truncated_stream_for_whole(self, tgi):
        tgi.script.fault = "truncated"
        assert [event.token.text for event in Client(tgi.url).generate_stream("hi")] == ["The", " capital"]
        assert len(asyncio.run(raw_stream(tgi.url))) == 2

    def test_ours_does_not(self, tgi, endpoint):
        tgi.script.fault = "truncated"
        got = []
        with pytest.raises(IncompleteError, match="after 2 tokens"):
            got.extend(ours(endpoint).stream("hi", ASK))
        tgi.script.fault = "none"
        assert list(ours(endpoint).stream("hi", ASK))[-1].final.text == ANSWER

    def test_raw_cut(self, tgi):
        tgi.script.fault = "cut"
        with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
            list(Client(tgi.url).generate_stream("hi"))
        with pytest.raises(aiohttp.ClientError):
            asyncio.run(raw_stream(tgi.url))

    def test_ours_cut(self, tgi, endpoint):
        tgi.script.fault = "cut"
        with pytest.raises(IncompleteError, match="cut"):
            list(ours(endpoint).stream("hi", ASK))

    def test_raw_stumbles_over_done(self, tgi):
        tgi.script.fault = "done"
        with pytest.raises(json.JSONDecodeError):
            list(Client(tgi.url).generate_stream("hi"))

    def test_ours_reads_past_the_end_of_no_answer(self, tgi, endpoint):
        tgi.script.fault = "done"
        assert list(ours(endpoint).stream("hi", ASK))[-1].final.text == ANSWER

    @pytest.mark.parametrize("fault", ["malformed", "not_utf8"])
    def test_ours_malformed(self, tgi, endpoint, fault):
        tgi.script.fault = fault
        with pytest.raises(RequestError, match="TGI's form"):
            list(ours(endpoint).stream("hi", ASK))


class TestLongEvents:
    """It reads lines of up to 512 KiB, and TGI's last event holds the whole text once more."""

    @pytest.fixture
    def long(self, tgi):
        tgi.script.tokens, tgi.script.finish = ["x" * 600_000], "length"

    def test_raw(self, tgi, long):
        with pytest.raises((LineTooLong, ValueError)):
            asyncio.run(raw_stream(tgi.url))

    def test_ours_says_so(self, endpoint, long):
        async def stream():
            return [delta async for delta in AsyncTgiClient(endpoint).stream("hi", ASK)]

        with pytest.raises(RequestError, match=r"512 KiB|TGI's form") as caught:
            asyncio.run(stream())
        assert caught.value.error_type == "malformed"


class TestErrorsInsideA200:
    """A refused stream has status 200: whoever counts statuses sees nothing but success."""

    @pytest.mark.parametrize(
        ("fault", "error", "kind"),
        [
            ("overloaded", OverloadedError, "overloaded"),
            ("validation", InvalidRequestError, "validation"),
            ("generation", RequestError, "generation"),
        ],
    )
    def test_ours(self, tgi, endpoint, fault, error, kind):
        tgi.script.fault = fault
        for call in (ours(endpoint).generate, lambda *a: list(ours(endpoint).stream(*a))):
            with pytest.raises(error) as caught:
                call("hi", ASK)
            assert caught.value.error_type == kind


class TestChatStream:
    """The client's chat streams always crash; ours are in `openai.py`."""

    def test_raw(self, tgi):
        with pytest.raises(AttributeError, match="status"):
            list(Client(tgi.url).chat([{"role": "user", "content": "hi"}], stream=True))

        async def stream():
            return [c async for c in await AsyncClient(tgi.url).chat([{"role": "user", "content": "hi"}], stream=True)]

        with pytest.raises(KeyError, match="error"):
            asyncio.run(stream())

    def test_ours_has_none(self):
        assert not hasattr(TgiClient, "chat_stream")


class TestParameters:
    @pytest.mark.parametrize("refused", [{"top_p": 1.0}, {"frequency_penalty": 0.0}, {"frequency_penalty": -1.0}])
    def test_raw_refuses_what_the_server_takes_or_means_off(self, tgi, refused):
        with pytest.raises(ValidationError):
            Client(tgi.url).generate("hi", **refused)
        assert tgi.requests == []

    def test_ours_leaves_out_what_means_off(self, tgi, endpoint):
        params = Params(max_new_tokens=5, temperature=0.7, top_p=1.0, frequency_penalty=0.0)
        ours(endpoint, count_prompt=False).generate("hi", params)
        sent = tgi.requests[-1].body["parameters"]
        assert (sent["temperature"], sent["top_p"], sent["frequency_penalty"]) == (0.7, None, None)

    def test_ours_says_what_the_client_cannot_send(self, endpoint):
        with pytest.raises(InvalidRequestError, match="below 0"):
            ours(endpoint).generate("hi", Params(frequency_penalty=-0.5))
        with pytest.raises(InvalidRequestError, match="stop strings"):
            ours(endpoint).chat([Message(role="user", content="hi")], Params(stop=("x",)))

    def test_greedy_sends_no_sampler(self, tgi, endpoint):
        """TGI samples as soon as one sampler is set, whatever ``do_sample`` says."""
        ours(endpoint, count_prompt=False).generate(
            "hi", Params(max_new_tokens=9, temperature=0, top_k=50, top_p=0.9, seed=3)
        )
        sent = tgi.requests[-1].body["parameters"]
        assert [sent[name] for name in ("do_sample", "temperature", "top_k", "top_p")] == [False, None, None, None]


class TestPromptTokens:
    """TGI sends ``input_length`` with the last event; the client drops it."""

    def test_raw(self, tgi):
        last = list(Client(tgi.url).generate_stream("three words here"))[-1]
        assert not hasattr(last.details, "input_length")

    def test_ours_asks_tokenize(self, tgi, endpoint):
        assert ours(endpoint).generate("three words here", ASK).prompt_tokens == 3
        assert list(ours(endpoint).stream("three words here", ASK))[-1].final.prompt_tokens == 3
        assert tgi.requests[-1].path == "/tokenize"

    def test_ours_does_not_ask_when_told_so(self, tgi, endpoint):
        assert ours(endpoint, count_prompt=False).generate("three words here", ASK).prompt_tokens is None
        assert [r.path for r in tgi.requests] == ["/"]


class TestTheRest:
    def test_raw_warns_of_pydantic_at_every_call(self, tgi):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(pydantic.PydanticDeprecatedSince20):
                Client(tgi.url).generate("hi")

    def test_ours_silences_that_one_and_no_other(self, tgi, endpoint):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ours(endpoint).generate("hi", ASK)
            with pytest.raises(pydantic.PydanticDeprecatedSince20):
                warnings.warn(pydantic.PydanticDeprecatedSince20("someone else's"), stacklevel=1)

    def test_raw_goes_through_a_proxy_to_this_machine(self, tgi, monkeypatch):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with pytest.raises(requests.exceptions.ProxyError):
            Client(tgi.url).generate("hi")

    def test_ours_does_not(self, endpoint, monkeypatch):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        assert ours(endpoint).generate("hi", ASK).text == ANSWER

    def test_raw_lets_netrc_replace_the_key(self, tgi, netrc):
        Client(tgi.url, headers={"Authorization": "Bearer sesame"}).generate("hi")
        assert tgi.requests[-1].headers["Authorization"].startswith("Basic ")

    def test_ours_keeps_the_key(self, tgi, endpoint, netrc):
        keyed = endpoint.model_copy(update={"api_key": pydantic.SecretStr("sesame")})
        ours(keyed, count_prompt=False).generate("hi", ASK)
        assert tgi.requests[-1].headers["Authorization"] == "Bearer sesame"

    def test_raw_slash(self, tgi):
        with pytest.raises(requests.exceptions.JSONDecodeError):
            Client(tgi.url + "/").chat([{"role": "user", "content": "hi"}])

    def test_ours_slash(self, endpoint):
        slashed = endpoint.model_copy(update={"url": endpoint.url + "/"})
        assert ours(slashed).chat([Message(role="user", content="hi")], ASK).text == ANSWER

    def test_nobody_there(self, endpoint, unused_port):
        nobody = endpoint.model_copy(update={"url": f"http://127.0.0.1:{unused_port}"})
        with pytest.raises(UnreachableError, match=str(unused_port)):
            ours(nobody).generate("hi", ASK)
