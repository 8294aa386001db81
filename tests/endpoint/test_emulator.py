"""The scripted server itself: its bytes are TGI's."""

import httpx
import pytest


def post(tgi, path, **body):
    return httpx.post(tgi.url + path, json=body, trust_env=False, timeout=5)


def test_stream_bytes_are_tgis(tgi):
    tgi.script.tokens = ["a"]
    tgi.script.finish = "length"
    got = post(tgi, "/generate_stream", inputs="two words", parameters={"details": True})
    assert got.headers["content-type"] == "text/event-stream"
    assert got.text == (
        'data: {"index":1,"token":{"id":1001,"text":"a","logprob":-0.125,"special":false},"generated_text":"a",'
        '"details":{"finish_reason":"length","generated_tokens":1,"seed":null,"input_length":2}}\n\n'
    )


def test_root_answers_an_array_and_generate_an_object(tgi):
    assert post(tgi, "/", inputs="x").json() == [{"generated_text": "The capital of Japan is Tokyo."}]
    assert post(tgi, "/generate", inputs="x").json() == {"generated_text": "The capital of Japan is Tokyo."}


def test_a_refused_stream_is_still_200(tgi):
    tgi.script.fault = "overloaded"
    got = post(tgi, "/generate_stream", inputs="x")
    assert (got.status_code, got.text) == (
        200,
        'data: {"error":"Model is overloaded","error_type":"overloaded"}\n\n',
    )


@pytest.mark.parametrize("path", ["/info", "/health", "/ping", "/", "/metrics", "/v1/models"])
def test_these_stay_open_when_there_is_a_key(tgi, path):
    tgi.script.api_key = "sesame"
    assert httpx.get(tgi.url + path, trust_env=False).status_code == 200


def test_a_missing_key_is_an_empty_401(tgi):
    tgi.script.api_key = "sesame"
    got = post(tgi, "/generate", inputs="x")
    assert (got.status_code, got.content) == (401, b"")


def test_keep_alive_comments_fill_the_silence(tgi):
    tgi.script.ttft_s, tgi.script.keep_alive_s = 0.05, 0.02
    assert post(tgi, "/generate_stream", inputs="x").text.startswith(":\n\n:\n\ndata: ")
