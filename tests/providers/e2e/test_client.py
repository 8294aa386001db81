"""What the client sends, and what it takes for an answer."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import pytest
from emulators.e2e.answers import BAD_GATEWAY, ERRORS_TRUE, NO_CREDIT, QUOTA, THROTTLED
from emulators.e2e.emulator import API_KEY, AUTH_TOKEN

from zephyr_deploy.errors import (
    AmbiguousError,
    AuthError,
    ConfigError,
    GoneError,
    QuotaError,
    ThrottledError,
    UnreachableError,
)
from zephyr_deploy.providers.e2e.client import E2eClient
from zephyr_deploy.providers.e2e.credentials import Credentials
from zephyr_deploy.spec.secret import Secret


def test_an_answer_is_its_data(client):
    answer = client.get("/nodes/", location="Delhi")

    assert answer.data == []
    assert answer.message == "Success"
    assert answer.date


@pytest.mark.parametrize("wrong", ["api_key", "auth_token"])
def test_both_secrets_are_asked_for(e2e, wrong):
    said = {"api_key": Secret(API_KEY), "auth_token": Secret(AUTH_TOKEN), wrong: Secret("another")}

    with pytest.raises(AuthError, match="credentials were not provided") as error:
        E2eClient(Credentials(**said)).get("/iam/multi-crn/")

    assert "API & IAM" in error.value.hint


def test_calls_of_the_account_have_no_project(client):
    assert client.get("/pbac/project/").data[0]["project_id"] == 46429


def test_a_wrong_project_is_a_matter_of_configuration(e2e):
    client = E2eClient(Credentials(api_key=Secret(API_KEY), auth_token=Secret(AUTH_TOKEN), project="1"))

    with pytest.raises(ConfigError, match="Invalid project_id"):
        client.get("/nodes/", location="Delhi")


def test_what_is_missing_in_the_project_is_gone_and_a_missing_project_is_not(client, e2e):
    with pytest.raises(GoneError):
        client.get("/nodes/7/", location="Delhi")

    e2e.wire.fault("GET /nodes/", status=400, body=b'{"status_code":400,"message":"Project not found"}')
    with pytest.raises(ConfigError, match="Project not found"):
        client.get("/nodes/7/", location="Delhi")


def test_a_path_without_its_slash_is_no_answer_of_the_api(client):
    with pytest.raises(ConfigError) as error:
        client.get("/nodes", location="Delhi")

    assert "ZEPHYR_E2E_BASE_URL" in error.value.hint


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 412, "body": b'{"code":412,"data":{},"errors":{"detail":["No"]},"message":""}'}, ConfigError),
        ({"status": 200, "body": b'{"code":412,"data":{},"errors":{},"message":"No"}'}, ConfigError),
        ({"status": 200, "body": b'{"status_code":400,"message":"No"}'}, ConfigError),
        ({"status": 200, "body": b'{"detail":"No"}'}, ConfigError),
        (ERRORS_TRUE, ConfigError),
        ({"status": 200, "body": b"<html></html>"}, UnreachableError),
        ({"status": 200, "body": b'{"code":200}'}, UnreachableError),
        (QUOTA, QuotaError),
        (THROTTLED, ThrottledError),
        ({"status": 403, "body": b'{"detail":"You do not have permission to perform this action."}'}, AuthError),
    ],
)
def test_each_sign_of_failure_fails(client, e2e, answer, error):
    e2e.wire.fault("GET /nodes/", **answer, times=None)

    with pytest.raises(error):
        client.get("/nodes/", location="Delhi")


@pytest.mark.parametrize("fault", [BAD_GATEWAY, THROTTLED, {"lost": True}])
def test_a_read_is_asked_once_more(client, e2e, fault):
    e2e.wire.fault("GET /nodes/", **fault)

    assert client.get("/nodes/", location="Delhi").data == []
    assert e2e.wire.actions() == ["GET /nodes/", "GET /nodes/"]


def test_a_read_is_not_asked_a_third_time(client, e2e):
    e2e.wire.fault("GET /nodes/", **BAD_GATEWAY, times=None)

    with pytest.raises(UnreachableError, match="502"):
        client.get("/nodes/", location="Delhi")
    assert len(e2e.wire.actions()) == 2


def test_a_pause_that_is_asked_for_is_kept(client, e2e, monkeypatch):
    paused = []
    monkeypatch.setattr("zephyr_deploy.providers.e2e.client.time.sleep", paused.append)
    e2e.wire.fault("GET /nodes/", **THROTTLED, headers={"Retry-After": "3"})

    client.get("/nodes/", location="Delhi")

    assert 3.0 in paused


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fault", [BAD_GATEWAY, {"lost": True}])
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_what_changes_something_is_sent_once(client, e2e, method, fault, when):
    e2e.wire.fault("", when=when, **fault, times=None)
    arguments = {} if method == "delete" else {"body": {"type": "x", "label": "l", "ssh_key": "a b"}}

    with pytest.raises(AmbiguousError):
        getattr(client, method)("/ssh_keys/", **arguments, location="Delhi")
    assert len(e2e.wire.actions()) == 1


def test_silence_is_ambiguous_and_short(client, e2e, monkeypatch):
    monkeypatch.setattr("zephyr_deploy.providers.e2e.client.TIMEOUT_S", 0.2)
    e2e.wire.fault("POST", delay_s=0.6)

    with pytest.raises(AmbiguousError, match="silent"):
        client.post("/ssh_keys/", {"label": "l", "ssh_key": "a b"}, location="Delhi")


def test_without_a_connection_nothing_was_made(e2e, monkeypatch):
    monkeypatch.setenv("ZEPHYR_E2E_BASE_URL", "http://127.0.0.1:9/myaccount/api/v1")
    client = E2eClient(Credentials(api_key=Secret(API_KEY), auth_token=Secret(AUTH_TOKEN), project="46429"))

    with pytest.raises(UnreachableError) as error:
        client.post("/ssh_keys/", {}, location="Delhi")
    assert not isinstance(error.value, AmbiguousError)


def test_every_page_is_read(client, e2e):
    for number in range(8):
        client.post("/ssh_keys/", {"label": f"k{number}", "ssh_key": f"ssh-ed25519 A{number}"}, location="Delhi")

    assert [row["label"] for row in client.pages("/ssh_keys/", location="Delhi")] == [f"k{n}" for n in range(8)]


def test_a_list_that_does_not_say_how_many_pages_it_has_is_whole(client, e2e):
    e2e.wire.fault("GET", status=200, body=b'{"code":200,"data":[{"pk":1}],"errors":{},"message":"OK"}')

    assert client.pages("/ssh_keys/", location="Delhi") == [{"pk": 1}]


def test_a_refusal_for_lack_of_credit_is_an_answer_to_be_read(client, e2e):
    e2e.wire.fault("POST", **NO_CREDIT)

    assert client.post("/nodes/", {}, location="Delhi").data == {"is_credit_sufficient": False}


@pytest.mark.parametrize(("base", "verify"), [("https://api.example.org/v1", True), ("http://127.0.0.1:9/v1", False)])
def test_certificates_are_checked_wherever_there_are_some(e2e, monkeypatch, base, verify):
    import httpx

    seen, made = [], httpx.HTTPTransport
    monkeypatch.setattr(httpx, "HTTPTransport", lambda **given: seen.append(given["verify"]) or made())
    monkeypatch.setenv("ZEPHYR_E2E_BASE_URL", base)

    E2eClient(Credentials(api_key=Secret(API_KEY), auth_token=Secret(AUTH_TOKEN)))._client()

    assert seen == [verify]


@pytest.mark.parametrize("base", ["http://api.example.org/v1", "api.example.org", "ftp://127.0.0.1"])
def test_no_secret_goes_in_the_clear_to_another_machine(e2e, monkeypatch, base):
    monkeypatch.setenv("ZEPHYR_E2E_BASE_URL", base)

    with pytest.raises(ConfigError, match="neither https"):
        E2eClient(Credentials(api_key=Secret(API_KEY), auth_token=Secret(AUTH_TOKEN)))


def test_the_time_is_the_apis_own_where_this_machines_clock_is_hours_off(client, monkeypatch):
    theirs = datetime.now(timezone.utc) + timedelta(hours=5)
    answer = httpx.Response(200, json={"code": 200, "data": []}, headers={"Date": format_datetime(theirs, usegmt=True)})
    assert abs(client.now() - datetime.now(timezone.utc)) < timedelta(minutes=1)
    monkeypatch.setattr(httpx.Client, "request", lambda *_args, **_given: answer)
    client.get("/ssh_keys/", location="Delhi")
    assert abs(client.now() - theirs) < timedelta(minutes=1)
