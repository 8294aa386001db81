import pytest

GENERATE = {"inputs": "x"}
CHAT = {"messages": [{"role": "user", "content": "x"}]}
BODIES = {
    "/": GENERATE,
    "/generate": GENERATE,
    "/generate_stream": GENERATE,
    "/tokenize": GENERATE,
    "/v1/chat/completions": CHAT,
    "/v1/completions": {"prompt": "x", "max_tokens": 8},
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer SECRET"},
        {"authorization": "Basic secret"},
        {"authorization": "secret"},
        {"authorization": b"Bearer secr\xe9t"},
        {"x-api-key": "secret"},
    ],
)
def test_without_the_key_there_is_an_empty_401(ask, engine, path, headers):
    response = ask("POST", path, json=BODIES[path], headers=headers, api_key="secret")
    assert (response.status_code, response.content) == (401, b"")
    assert engine.payloads == []


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_with_the_key_the_request_is_served(ask, path, scheme):
    headers = {"authorization": f"{scheme} secret"}
    assert ask("POST", path, json=BODIES[path], headers=headers, api_key="secret").status_code == 200


@pytest.mark.parametrize("path", ["/", "/health", "/ping", "/info", "/metrics", "/v1/models"])
def test_what_tgi_leaves_open_is_open(ask, path):
    assert ask("GET", path, api_key="secret").status_code == 200


def test_chat_tokenize_is_open_as_in_tgi(ask):
    assert ask("POST", "/chat_tokenize", json=CHAT, api_key="secret").status_code == 200


def test_the_key_is_asked_for_before_the_body_is_read(ask):
    assert ask("POST", "/generate", content=b"{", api_key="secret").status_code == 401
