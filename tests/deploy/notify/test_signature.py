"""Signatures are those of Standard Webhooks: the specification's own example, and what is no secret of it."""

from __future__ import annotations

import pytest

from zephyr_deploy.deploy.notify.signature import signed, signing_secret
from zephyr_deploy.errors import CredentialsError
from zephyr_deploy.spec.secret import Secret

EXAMPLE = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_example_of_the_specification():
    headers = signed(b'{"test": 2432232314}', "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, Secret(EXAMPLE))
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("change", [{"body": b"{ }"}, {"message_id": "msg_2"}, {"at": 2}, {"signing": Secret("x")}])
def test_it_is_another_for_whatever_differs(change):
    given = {"body": b"{}", "message_id": "msg_1", "at": 1, "signing": Secret(EXAMPLE)}
    assert signed(**given)["webhook-signature"] != signed(**{**given, **change})["webhook-signature"]


def test_without_a_secret_there_is_none():
    assert "webhook-signature" not in signed(b"{}", "msg_1", 1, None)


@pytest.mark.parametrize(
    "text", [EXAMPLE.removeprefix("whsec_"), "whsec_c2hvcnQ=", "whsec_no base64", "whsec_" + "QUJD" * 22, "whsec_"]
)
def test_what_is_no_secret_is_refused_and_not_shown(monkeypatch, text):
    monkeypatch.setenv("HOOK_SECRET", text)
    with pytest.raises(CredentialsError, match="is no secret of a webhook") as caught:
        signing_secret("env:HOOK_SECRET")
    assert text not in str(caught.value).replace("notify.secret_from: what env:HOOK_SECRET gives", "")
    assert "openssl rand -base64 32" in caught.value.hint


def test_what_the_hint_makes_is_one(monkeypatch):
    import base64
    import os

    monkeypatch.setenv("HOOK_SECRET", f"whsec_{base64.b64encode(os.urandom(32)).decode()}\n")
    assert signing_secret("env:HOOK_SECRET")
