"""Python's own client says of an answer what httpx says of it."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from zephyr_deploy.endpoint.http import ask, open_client
from zephyr_deploy.endpoint.plain import is_plain, opened
from zephyr_deploy.endpoint.types import Endpoint
from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.spec.secret import Secret

READ_S = 0.5
HEAD = b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"


def answering(answer):
    """A server that answers two requests by these bytes, and with none is silent: its URL, and the heads it heard."""
    listener, heard = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        with listener:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    heard.append(connection.recv(65536))
                    connection.sendall(answer)
                    if not answer:
                        connection.recv(1)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", heard


def outcome(call):
    try:
        return call()
    except ZephyrError as error:
        return type(error), getattr(error, "error_type", None), error.hint


def whole(status, body):
    return HEAD % (status, len(body)) + body


@pytest.mark.parametrize(
    "answer",
    [
        whole(b"200 OK", json.dumps({"model_id": "ü"}).encode()),
        whole(b"200 OK", b""),
        whole(b"200 OK", b"<html>"),
        whole(b"401 X", b""),
        whole(b"500 X", b'{"error":"no"}'),
        HEAD % (b"200 OK", 10) + b"{}",
        b"",
    ],
)
def test_the_same_as_httpx(answer):
    url, heard = answering(answer)
    endpoint = Endpoint(name="x", url=url, engine="tgi", model_id="x", api_key=Secret("k"))
    with opened(endpoint, read_s=READ_S) as plain:
        found = outcome(lambda: plain("/info"))
    with open_client(endpoint, read_s=READ_S) as client:
        assert outcome(lambda: ask(client, "/info")) == found
    assert heard[0].startswith(b"GET /info HTTP/1.1\r\n")
    assert b"Authorization: Bearer k\r\n" in heard[0]


def test_a_body_is_posted():
    url, heard = answering(whole(b"200 OK", b"[1]"))
    with opened(Endpoint(name="x", url=url + "/base", engine="tgi", model_id="x"), read_s=READ_S) as plain:
        assert plain("/tokenize", {"inputs": "ü"}) == [1]
    assert heard[0].startswith(b"POST /base/tokenize HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://localhost:8080", True),
        ("http://[::1]:8080", True),
        ("https://localhost", False),
        ("http://10.0.0.5:8080", False),
        ("http://me:word@127.0.0.1", False),
        ("http://127.0.0.1:99999", False),
    ],
)
def test_only_this_machine_is_asked_plainly(url, plain):
    assert is_plain(url) is plain
