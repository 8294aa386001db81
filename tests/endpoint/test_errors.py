"""Which error a refusal is, in every server's own words."""

import json

import pytest

from zephyr_deploy.endpoint.errors import error_in, error_of, is_too_long
from zephyr_deploy.errors import (
    IncompleteError,
    InvalidRequestError,
    OverloadedError,
    RequestError,
    UnauthorizedError,
)

TGI_LONG = "Input validation error: `inputs` must have less than 3072 tokens. Given: 4000"
TGI_TOTAL = (
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. "
    "Given: 3000 `inputs` tokens and 1200 `max_new_tokens`"
)
LLAMA_LONG = {"error": {"code": 400, "message": "the request exceeds the available context size", "type": "exceed_context_size_error"}}  # fmt: skip  # noqa: E501
VLLM_LONG = {"error": {"message": "This model's maximum context length is 2048 tokens.", "type": "BadRequestError", "code": 400}}  # fmt: skip  # noqa: E501


@pytest.mark.parametrize(
    ("status", "body", "error", "message"),
    [
        (401, b"", UnauthorizedError, "does not accept the API key"),
        (401, b'{"error":"Unauthorized"}', UnauthorizedError, "Unauthorized"),
        (429, b'{"error":"Model is overloaded","error_type":"overloaded"}', OverloadedError, "Model is overloaded"),
        (422, b'{"error":"no","error_type":"validation"}', InvalidRequestError, "no"),
        (422, b"Failed to deserialize the JSON body", InvalidRequestError, "Failed to deserialize"),
        (400, json.dumps(VLLM_LONG).encode(), InvalidRequestError, "maximum context length"),
        (413, b"length limit exceeded", InvalidRequestError, "length limit"),
        (500, b'{"error":"x","error_type":"incomplete_generation"}', IncompleteError, "x"),
        (404, b'{"detail":"Not Found"}', RequestError, "Not Found"),
        (502, b"<html><h1>Bad</h1> Gateway</html>", RequestError, "Bad Gateway"),
        (503, b"", RequestError, "answered 503"),
        (500, b"[1]", RequestError, "[1]"),
        (500, "\u00e9".encode("latin-1"), RequestError, "\ufffd"),
    ],
)
def test_status_and_body(status, body, error, message):
    got = error_of(status, body)
    assert type(got) is error
    assert message in got.message
    assert got.status == status
    assert got.hint


def test_a_long_foreign_body_is_cut():
    assert len(error_of(500, b"x" * 10_000).message) < 400


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"error": "Model is overloaded", "error_type": "overloaded"}, OverloadedError),
        ({"error": {"message": "Model is overloaded", "http_status_code": 422}}, OverloadedError),
        ({"error": {"message": TGI_LONG, "http_status_code": 422}}, InvalidRequestError),
        ({"error": {"message": "Request failed during generation: gone", "http_status_code": 422}}, RequestError),
        ({"error": {"message": "Incomplete generation", "http_status_code": 422}}, IncompleteError),
        ({"error": {"message": "boom", "code": 500, "type": "server_error"}}, RequestError),
        ({"error": "x", "error_type": "incomplete_generation_stream"}, IncompleteError),
    ],
)
def test_events(event, error):
    assert type(error_in(event)) is error


@pytest.mark.parametrize("event", [{"choices": []}, {"error": None}, {}])
def test_no_error(event):
    assert error_in(event) is None


@pytest.mark.parametrize(
    "body", [{"error": TGI_LONG, "error_type": "validation"}, {"error": TGI_TOTAL}, LLAMA_LONG, VLLM_LONG]
)
def test_too_long(body):
    assert is_too_long(error_of(422, json.dumps(body)))


def test_not_too_long():
    assert not is_too_long(error_of(422, b'{"error":"`top_p` must be < 1.0","error_type":"validation"}'))
