"""Overload, queue, clients that leave, an engine that breaks."""

import asyncio
import json
import socket

import httpx
import pytest
import uvicorn

from zephyr_deploy.engines.llamacpp import upstream
from zephyr_deploy.engines.llamacpp.gateway.app import create_app, warm_up
from zephyr_deploy.engines.llamacpp.settings import ServiceSettings
from zephyr_deploy.engines.llamacpp.upstream import Upstream
from zephyr_deploy.errors import RequestError

BODY = {"inputs": "x"}
CHAT = {"messages": [{"role": "user", "content": "x"}], "stream": True}
FULL = {"error": "Model is overloaded", "error_type": "overloaded"}


async def until(condition):
    while not condition():  # noqa: ASYNC110 - the condition is another server's, it has no event
        await asyncio.sleep(0.001)


def test_what_is_beyond_the_limit_is_refused_at_once_and_the_rest_is_served(with_gateway, engine):
    async def scenario(client, app):
        engine.gate = asyncio.Event()
        tasks = [asyncio.create_task(client.post("/generate", json=BODY)) for _ in range(64)]
        await until(lambda: engine.running == 2 and app.state.inflight == 10)
        busy = (await client.get("/metrics")).text
        streams = [
            await client.post(path, json=body)
            for path, body in (("/generate_stream", BODY), ("/v1/chat/completions", CHAT))
        ]
        engine.gate.set()
        return await asyncio.gather(*tasks), busy, streams, (await client.get("/metrics")).text, app.state.inflight

    answers, busy, streams, after, inflight = with_gateway(scenario, parallel=2, max_concurrent_requests=10)
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(429)) == (10, 54)
    assert all(answer.json() == FULL for answer in answers if answer.status_code == 429)
    assert engine.most_running == 2
    assert "tgi_batch_current_size 2.0\n" in busy
    assert "tgi_queue_size 8.0\n" in busy
    assert json.loads(streams[0].text[6:]) == FULL
    event = {"error": {"message": "Model is overloaded", "http_status_code": 422}}
    assert streams[1].text == f"data: {json.dumps(event, separators=(',', ':'))}\n\ndata: [DONE]\n\n"
    assert "tgi_request_count 66.0\n" in after
    assert "tgi_request_success 10.0\n" in after
    assert 'tgi_request_failure{err="overloaded"} 56.0\n' in after
    assert inflight == 0


def test_first_come_first_served_and_the_wait_is_told(with_gateway, engine):
    async def scenario(client, app):
        engine.gate = asyncio.Event()
        ended, tasks = [], []

        async def one(number):
            response = await client.post("/generate", json={"inputs": "x" * (number + 1)})
            ended.append(number)
            return int(response.headers["x-queue-time"])

        for number in range(4):
            tasks.append(asyncio.create_task(one(number)))
            await until(lambda number=number: app.state.inflight == number + 1 and engine.running == 1)
        await asyncio.sleep(0.05)
        engine.gate.set()
        return await asyncio.gather(*tasks), ended

    waits, ended = with_gateway(scenario, parallel=1)
    assert [len(payload["prompt"]) for payload in engine.payloads] == [1, 2, 3, 4]
    assert ended == [0, 1, 2, 3]
    assert waits[0] < min(waits[1:])
    assert min(waits[1:]) >= 40


def asgi(path, body):
    """One ASGI request whose client can be made to leave."""
    left = asyncio.Event()
    messages = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]

    async def receive():
        if messages:
            return messages.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "root_path": "", "headers": headers}
    return scope, receive, left


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/generate", BODY),
        ("/generate_stream", BODY),
        ("/v1/chat/completions", CHAT),
        ("/v1/completions", {"prompt": ["a", "b"], "max_tokens": 5}),
        ("/v1/completions", {"prompt": ["a", "b"], "max_tokens": 5, "stream": True}),
        ("/generate", {"inputs": "x", "parameters": {"best_of": 2, "do_sample": True}}),
    ],
)
def test_a_client_that_leaves_frees_its_slots(with_gateway, engine, path, body):
    async def scenario(client, app):
        engine.gate = asyncio.Event()
        scope, receive, left = asgi(path, body)
        request = asyncio.create_task(app(scope, receive, lambda _message: asyncio.sleep(0)))
        await until(lambda: engine.running >= 1 and engine.running == app.state.inflight)
        left.set()
        await request
        assert app.state.inflight == 0
        await until(lambda: engine.running == 0)
        engine.gate.set()
        assert (await client.post("/generate", json=BODY)).status_code == 200
        return (await client.get("/metrics")).text

    metrics = with_gateway(scenario, parallel=2)
    assert engine.dropped >= 1
    assert 'tgi_request_failure{err="dropped"} 1.0\n' in metrics
    assert "tgi_batch_current_size 0.0\n" in metrics


def test_a_client_that_leaves_the_queue_gives_up_its_place(with_gateway, engine):
    async def scenario(client, app):
        engine.gate = asyncio.Event()
        first = asyncio.create_task(client.post("/generate", json=BODY))
        await until(lambda: engine.running == 1)
        scope, receive, left = asgi("/generate", BODY)
        second = asyncio.create_task(app(scope, receive, lambda _message: asyncio.sleep(0)))
        await until(lambda: app.state.inflight == 2)
        left.set()
        await second
        assert app.state.inflight == 1
        engine.gate.set()
        assert (await first).status_code == 200

    with_gateway(scenario, parallel=1)
    assert len(engine.payloads) == 1


def test_an_engine_that_breaks_off_is_a_generation_error(post, frames, engine):
    engine.events, engine.break_off = engine.events[:1], True
    response = post("/generate", BODY)
    assert (response.status_code, response.json()["error_type"]) == (424, "generation")
    assert response.json()["error"].startswith("Request failed during generation: ")
    assert frames("/generate_stream", BODY)[-1]["error"].startswith("Request failed during generation: ")
    *_, error, done = frames("/v1/chat/completions", CHAT)
    assert (error["error"]["http_status_code"], done) == (422, "[DONE]")


def test_an_engine_that_ends_without_an_end_is_an_incomplete_generation(post, frames, engine):
    engine.events = engine.events[:1]
    response = post("/generate", BODY)
    assert (response.status_code, response.json()) == (
        500,
        {"error": "Incomplete generation", "error_type": "incomplete_generation"},
    )
    assert frames("/generate_stream", BODY)[-1] == {
        "error": "Incomplete generation stream",
        "error_type": "incomplete_generation_stream",
    }


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (400, (422, {"error": "Input validation error: no", "error_type": "validation"})),
        (500, (424, {"error": "Request failed during generation: no", "error_type": "generation"})),
    ],
)
def test_what_the_engine_refuses(post, frames, engine, code, answer):
    status, error = answer
    engine.refusal = {"code": code, "message": "no", "type": "some_error"}
    response = post("/generate", BODY)
    assert (response.status_code, response.json()) == (status, error)
    assert frames("/generate_stream", BODY) == [error]


def test_an_error_of_the_engine_within_a_stream(frames, engine):
    engine.events.insert(1, {"error": {"code": 500, "message": "out of memory", "type": "server_error"}})
    assert frames("/generate_stream", BODY)[-1]["error"] == "Request failed during generation: out of memory"


def test_an_engine_that_is_gone(unused_url):
    async def main():
        limits = ServiceSettings(model_path="/m", model_id="m", model_sha256="")
        async with Upstream(unused_url, "k") as broken:
            with pytest.raises(RequestError, match="does not answer"):
                await warm_up(broken)
            transport = httpx.ASGITransport(create_app(limits, broken, None))
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                return [
                    await client.get("/health"),
                    await client.post("/generate", json=BODY),
                    await client.post("/v1/chat/completions", json=CHAT),
                    await client.post("/tokenize", json=BODY),
                ]

    assert [answer.status_code for answer in asyncio.run(main())] == [503, 424, 424, 424]


def test_warm_up_generates_one_token(with_gateway, engine):
    async def scenario(_client, app):
        await warm_up(app.state.gateway.upstream)

    with_gateway(scenario)
    assert [payload["n_predict"] for payload in engine.payloads] == [1]


def test_a_stream_under_way_ends_as_it_should_when_the_server_is_told_to_stop(with_gateway, engine):
    async def scenario(_client, app):
        engine.gate = asyncio.Event()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=10)
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            await until(lambda: server.started)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/generate_stream"
            async with httpx.AsyncClient() as client, client.stream("POST", url, json=BODY) as response:
                await until(lambda: engine.running == 1)
                server.should_exit = True
                await until(lambda: not server.servers or not server.servers[0].is_serving())
                engine.gate.set()
                text = (await response.aread()).decode()
            await serving
        return text

    assert '"generated_text":"Hi"' in with_gateway(scenario).split("\n\n")[-2]


def test_a_client_that_leaves_within_its_request_is_no_crash(with_gateway):
    async def scenario(_client, app):
        sent = []
        messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

        async def receive():
            return next(messages)

        async def send(message):
            sent.append(message)

        await app(asgi("/generate", BODY)[0], receive, send)
        return sent[0]["status"]

    assert with_gateway(scenario) == 400


@pytest.mark.parametrize("hanging", [("_tokenize", "CALL_S"), ("_reply", "SILENCE_S")])
def test_an_engine_that_hangs_is_given_up(post, frames, engine, monkeypatch, hanging):
    route, limit = hanging

    async def hang(_self, _request, **_options):
        await asyncio.sleep(30)

    monkeypatch.setattr(type(engine), route, hang)
    monkeypatch.setattr(upstream, "TOKEN_S", 0)
    monkeypatch.setattr(upstream, limit, 0.05)
    response = post("/generate", BODY)
    assert (response.status_code, response.json()["error_type"]) == (424, "generation")
    assert frames("/generate_stream", BODY) == [response.json()]
