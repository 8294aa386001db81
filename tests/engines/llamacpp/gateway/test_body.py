import pytest

JSON = {"content-type": "application/json"}
TARGET = "Failed to deserialize the JSON body into the target type: "


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ((b"{", JSON), (400, "Failed to parse the request body as JSON: ")),
        ((b"", JSON), (400, "Failed to parse the request body as JSON: ")),
        ((b"[" * 100_000, JSON), (400, "Failed to parse the request body as JSON: ")),
        ((b'{"inputs": NaN}', JSON), (400, "Failed to parse the request body as JSON: NaN is not JSON")),
        ((b'{"inputs": "\\ud83d"}', JSON), (400, "Failed to parse the request body as JSON: ")),
        ((b'{"inputs": "\xff"}', JSON), (400, "Failed to parse the request body as JSON: ")),
        ((b'\xef\xbb\xbf{"inputs": "x"}', JSON), (400, "Failed to parse the request body as JSON: ")),
        (('{"inputs": "x"}'.encode("utf-16"), JSON), (400, "Failed to parse the request body as JSON: ")),
        (
            (b'{"inputs": "x", "parameters": {"temperature": 1e400}}', JSON),
            (400, "Failed to parse the request body as JSON: number out of range"),
        ),
        ((b"{}", JSON), (422, TARGET + "missing field `inputs`")),
        ((b"[1]", JSON), (422, TARGET)),
        ((b'{"inputs": 5}', JSON), (422, TARGET + "inputs: ")),
        ((b'{"inputs": "x", "parameters": {"temperature": "hot"}}', JSON), (422, TARGET + "parameters.temperature: ")),
        (
            (b'{"inputs": "x", "parameters": {"max_new_tokens": -1}}', JSON),
            (422, TARGET + "parameters.max_new_tokens: "),
        ),
        ((b'{"inputs": "x", "parameters": {"do_sample": 1}}', JSON), (422, TARGET + "parameters.do_sample: ")),
        ((b'{"inputs": "x"}', {}), (415, "Expected request with `Content-Type: application/json`")),
        ((b'{"inputs": "x"}', {"content-type": "text/plain"}), (415, "Expected request with")),
        (
            (b'{"inputs": "' + b"x" * 2000 + b'"}', JSON),
            (413, "Failed to buffer the request body: length limit exceeded"),
        ),
    ],
)
@pytest.mark.parametrize("path", ["/", "/generate", "/generate_stream"])
def test_what_cannot_be_read_is_refused_in_plain_text(ask, path, request_, answer):
    (content, headers), (status, text) = request_, answer
    limits = {"payload_limit": 1000 if status == 413 else 2_000_000}
    response = ask("POST", path, content=content, headers=headers, limits=limits)
    assert response.status_code == status
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text.startswith(text)


def test_unknown_members_are_ignored_and_numbers_may_be_whole(post):
    body = {"inputs": "x", "parameters": {"temperature": 1, "new_in_5": []}, "model": 3}
    assert post("/generate", body).status_code == 200


def test_a_path_is_not_another_with_a_slash(ask):
    assert ask("POST", "/generate/", json={"inputs": "x"}).status_code == 404


def test_a_type_may_carry_a_charset(ask):
    headers = {"content-type": "application/json; charset=utf-8"}
    assert ask("POST", "/generate", content=b'{"inputs": "x"}', headers=headers).status_code == 200


def test_what_could_not_be_read_is_not_counted(with_gateway):
    async def scenario(client, _app):
        await client.post("/generate", content=b"{", headers=JSON)
        return (await client.get("/metrics")).text

    assert "tgi_request_count 0.0\n" in with_gateway(scenario)
