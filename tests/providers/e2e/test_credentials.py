"""Where credentials are looked for, as E2E's own command line does."""

from __future__ import annotations

import json

import pytest

from zephyr_deploy.errors import AuthError
from zephyr_deploy.providers.e2e.credentials import credentials, has_credentials
from zephyr_deploy.providers.e2e.provider import E2eProvider

PROD = {"api_key": "k", "auth_token": "t", "default_project_id": "46429", "default_location": "Chennai"}


@pytest.fixture
def profiles(nobody):
    def write(kept) -> None:
        (nobody / ".e2e").mkdir()
        (nobody / ".e2e" / "config.json").write_text(kept if isinstance(kept, str) else json.dumps(kept))

    return write


def said(found) -> tuple[str, str, str, str]:
    return found.api_key.get_secret_value(), found.auth_token.get_secret_value(), found.project, found.location


def test_without_any_it_says_what_to_set(nobody):
    assert not has_credentials()
    assert not E2eProvider().configured()
    with pytest.raises(AuthError, match="E2E_API_KEY and E2E_AUTH_TOKEN") as error:
        credentials()
    assert "apiiam" in error.value.hint


def test_variables_are_enough(nobody, monkeypatch):
    monkeypatch.setenv("E2E_API_KEY", " k\n")
    monkeypatch.setenv("E2E_AUTH_TOKEN", "t")

    assert said(credentials()) == ("k", "t", "", "Delhi")
    assert E2eProvider().configured()


def test_the_default_profile(profiles):
    profiles({"default": "prod", "profiles": {"other": {}, "prod": PROD}})

    assert said(credentials()) == ("k", "t", "46429", "Chennai")


def test_the_only_profile(profiles):
    profiles({"profiles": {"prod": PROD}})

    assert said(credentials()) == ("k", "t", "46429", "Chennai")


def test_no_profile_is_guessed(profiles):
    profiles({"profiles": {"prod": PROD, "other": PROD}})

    assert not has_credentials()


def test_a_variable_wins_over_the_profile(profiles, monkeypatch):
    profiles({"default": "prod", "profiles": {"prod": PROD}})
    monkeypatch.setenv("E2E_LOCATION", "Delhi")
    monkeypatch.setenv("E2E_API_KEY", "another")

    assert said(credentials()) == ("another", "t", "46429", "Delhi")


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"profiles": []}', '{"default": "x", "profiles": {"y": 1, "z": 2}}'])
def test_a_file_that_is_none_is_no_profile(profiles, kept):
    profiles(kept)

    assert not has_credentials()


@pytest.mark.parametrize("name", ["E2E_API_KEY", "E2E_AUTH_TOKEN"])
@pytest.mark.parametrize("text", ["two\nlines", "with a space", "schlüssel", "nul\x01"])
def test_what_no_header_can_carry_is_refused_unseen(nobody, monkeypatch, name, text):
    monkeypatch.setenv("E2E_API_KEY", "k")
    monkeypatch.setenv("E2E_AUTH_TOKEN", "t")
    monkeypatch.setenv(name, text)

    with pytest.raises(AuthError, match=name) as error:
        credentials()
    assert text not in repr(error.value)
    assert E2eProvider().configured(), "whoever asks E2E is told"
