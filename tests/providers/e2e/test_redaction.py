"""Both secrets stay where they must be: the API wants one of them in every URL."""

from __future__ import annotations

import logging
import traceback

import pytest
from emulators.e2e.emulator import API_KEY, AUTH_TOKEN

from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.providers.e2e.credentials import Credentials, credentials
from zephyr_deploy.spec.secret import Secret

FAULTS = {
    "none": {},
    "lost": {"lost": True, "times": None},
    "silent": {"delay_s": 0.4},
    "html": {"status": 502, "body": b"<html></html>", "times": None},
    "redirect": {"status": 301, "headers": {"Location": f"/nodes/?apikey={API_KEY}"}},
    "echo": {
        "status": 412,
        "body": b'{"message":"bad url /nodes/?apikey=%s %s"}' % (API_KEY.encode(), AUTH_TOKEN.encode()),
    },
    "not http": {"status": 200, "body": b"{", "headers": {"Content-Length": "100"}, "times": None},
}


def everything(error: BaseException | None) -> str:
    """All that can be printed of an exception, and of those behind it."""
    texts = []
    while error is not None:
        request = getattr(error, "_request", None)
        texts += [repr(error), str(error), repr(vars(error)), str(request and request.url), repr(request)]
        texts += traceback.format_exception(error)
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


@pytest.mark.parametrize("method", ["get", "post", "delete"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_secret_in_logs_or_errors(client, fault, method, logged):
    arguments = {"body": {"label": "l", "ssh_key": "a b"}} if method == "post" else {}

    error = None
    try:
        getattr(client, method)("/ssh_keys/", **arguments, location="Delhi")
    except ZephyrError as raised:
        error = raised

    said = everything(error) + str(error and error.hint) + logged()
    assert "connect_tcp" in said, "the libraries did log"
    assert API_KEY not in said
    assert AUTH_TOKEN not in said
    assert error is None or (error.__cause__, error.__context__) == (None, None)


@pytest.fixture
def logged(e2e, fault, caplog, monkeypatch):
    """What was logged at any level while a fault is in force; the emulator's own lines aside."""
    monkeypatch.setattr("zephyr_deploy.providers.e2e.client.TIMEOUT_S", 0.2)
    caplog.set_level(logging.DEBUG)
    e2e.wire.fault("", **FAULTS[fault])
    return lambda: "\n".join(
        f"{record.getMessage()} {vars(record)!r}" for record in caplog.records if record.name != "werkzeug"
    )


def test_httpx_never_has_them(e2e, client):
    client.get("/nodes/", location="Delhi")
    seen = []
    client._http.event_hooks = {"request": [lambda request: seen.append(f"{request.url} {dict(request.headers)}")]}

    client.get("/nodes/", location="Delhi")

    assert len(seen) == 1
    assert API_KEY not in seen[0]
    assert AUTH_TOKEN not in seen[0]


def test_credentials_print_as_nothing(e2e):
    assert API_KEY not in repr(credentials()) + credentials().model_dump_json()


def test_a_key_that_a_url_must_escape_is_found_escaped():
    from zephyr_deploy.providers.e2e.redact import clean, protect

    protect(Credentials(api_key=Secret("a/b+c d"), auth_token=Secret("token-of-this-test")))

    assert clean("GET /?apikey=a%2Fb%2Bc%20d") == "GET /?apikey=[REDACTED]"
