from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.spec.durations import format_duration, parse_duration


@given(st.timedeltas(min_value=timedelta()))
def test_what_is_written_is_read_again(length):
    assert parse_duration(format_duration(length)) == length


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("8h", 28800), ("30m", 1800), ("1h30m", 5400), ("2d", 172800), ("1d2h3m4.5s", 93784.5), (" 90s ", 90), ("0s", 0)],
)
def test_reads(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", " ", "8", "8 h", "-8h", "h", "30m1h", "1h1h", "8H", "1.5h", "1e3s", "٨h", "8h!"])
def test_refuses(text):
    with pytest.raises(ValueError, match="with its unit"):
        parse_duration(text)


def test_refuses_what_python_cannot_hold():
    with pytest.raises(ValueError, match="beyond all reason"):
        parse_duration("9999999999d")


@pytest.mark.parametrize(("length", "text"), [(timedelta(hours=36), "1d12h"), (timedelta(), "0s")])
def test_writes_the_shortest(length, text):
    assert format_duration(length) == text


def test_writes_nothing_negative():
    with pytest.raises(ValueError, match="not negative"):
        format_duration(timedelta(seconds=-1))
