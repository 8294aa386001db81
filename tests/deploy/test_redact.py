"""No known secret is left in a text, however it is written there."""

import base64
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.deploy.redact import Redactor

SECRET = 'tok/en+"5 äé'
KEY = "Zm9v-BARbaz_1234567890"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET)[1:-1],
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_every_form_of_a_known_secret(form):
    cleaned = Redactor([SECRET]).clean(f"before {form} after")
    assert form not in cleaned
    assert cleaned.startswith("before [REDACTED]")


@given(before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_a_secret_within_base64_at_any_place(before, after):
    encoded = base64.b64encode(before + KEY.encode() + after).decode()
    cleaned = Redactor([KEY]).clean(encoded)
    assert "[REDACTED]" in cleaned
    left = cleaned.replace("[REDACTED]", "")
    assert len(left) <= len(base64.b64encode(before + after)) + 8


@pytest.mark.parametrize(
    "text",
    [
        "hf_abcdefghijklmnop",
        "Authorization: Bearer abcdef",
        "authorization: bearer abcdef",
        "Authorization: Basic dXNlcjpwYXNz",
        "AKIAIOSFODNN7EXAMPLE",
        "http://user:pa55word@proxy:3128/",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nabcdef\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nabcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdef",
        "HF_TOKEN=abcdef",
        '"api_key": "abcdef"',
        "MY_PASSWORD: abcdef",
        "--api-key=abcdef",
    ],
)
def test_what_looks_like_a_secret(text):
    cleaned = Redactor().clean(f"x {text} y")
    assert "[REDACTED]" in cleaned
    for word in ("abcdef", "pa55word", "dXNlcjpwYXNz", "IOSFODNN7"):
        assert word not in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "MAX_TOTAL_TOKENS=4096",
        '"api_key": true',
        '"tokenizer": "x"',
        "sha256:3b4c5d6e7f",
        "https://huggingface.co/HuggingFaceH4/zephyr-7b-beta",
        "Shard ready in 9.3s rank=0",
        "key",
    ],
)
def test_what_is_no_secret_stays(text):
    assert Redactor(["true"]).clean(text) == text


def test_secrets_of_variables_arguments_and_environment_files():
    redactor = Redactor()
    redactor.learn_variables({"HF_TOKEN": "first1", "RUST_LOG": "debug"})
    redactor.learn_arguments(["--api-key", "second2", "--auth-token=third3", "--max-total-tokens", "40960"])
    redactor.learn_env_file("A=b\nMY_SECRET=fourth4\n")
    cleaned = redactor.clean("first1 debug second2 third3 40960 fourth4")
    assert cleaned == "[REDACTED] debug [REDACTED] [REDACTED] 40960 [REDACTED]"


def test_a_short_secret_is_taken_out_beside_its_name_alone():
    redactor = Redactor(["abc"])
    assert redactor.clean("abc MY_KEY=abc") == "abc MY_KEY=[REDACTED]"


@pytest.mark.parametrize("text", ["a" * 2_000_000, "a-" * 1_000_000, "A=" * 1_000_000, "eyJ" * 700_000])
def test_a_large_text_is_cleaned_in_little_time(text):
    start = time.monotonic()
    Redactor(["something secret"]).clean(text)
    assert time.monotonic() - start < 10
