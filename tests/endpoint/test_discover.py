"""From an address to an endpoint."""

import pytest
from pydantic import SecretStr

from zephyr_deploy.endpoint.discover import discover
from zephyr_deploy.errors import UnauthorizedError, UnreachableError, UsageError


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/"])
def test_tgi(tgi, tail):
    found = discover(tgi.url + tail, SecretStr("k"))
    assert (found.url, found.engine, found.model_id) == (tgi.url, "tgi", "HuggingFaceH4/zephyr-7b-beta")
    assert found.api_key.get_secret_value() == "k"


@pytest.mark.parametrize(
    ("owner", "engine"), [("vllm", "vllm"), ("sglang", "sglang"), ("llamacpp", "llamacpp"), ("someone", "vllm")]
)
def test_the_others_by_who_owns_the_model(serve_json, owner, engine):
    url = serve_json({"/v1/models": (200, {"data": [{"id": "org/m", "owned_by": owner}]})})
    found = discover(url)
    assert (found.engine, found.model_id) == (engine, "org/m")


def test_a_key_is_needed(serve_json):
    with pytest.raises(UnauthorizedError):
        discover(serve_json({"/v1/models": (401, {"error": "Unauthorized"})}))


def test_something_else(serve_json):
    with pytest.raises(UsageError, match="TGI's or OpenAI's"):
        discover(serve_json({}))


def test_nothing(unused_port):
    with pytest.raises(UnreachableError):
        discover(f"http://127.0.0.1:{unused_port}")
