"""How the text of shared options is read."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from zephyr_deploy.cli.options import moment, seconds
from zephyr_deploy.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500ms", 0.5), ("1.5s", 1.5), ("0s", 0), ("1h30m", 5400), ("8h", 28800), ("1d", 86400), (" 5s ", 5)],
)
def test_lengths_of_time(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "s", "30", "-5s", "5 minutes", "30m1h", "1.5ms", "nan", "inf", "1e3s", "5S"])
def test_what_is_no_length_of_time(text):
    with pytest.raises(UsageError) as caught:
        seconds(text)
    assert repr(text) in caught.value.message
    assert caught.value.hint


def test_a_moment_is_so_long_ago_or_a_date():
    now = datetime.now(timezone.utc)
    assert abs((now - moment("10m")).total_seconds() - 600) < 5
    assert moment("2026-01-02T03:04Z") == datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)
    assert moment("2026-01-02").tzinfo is not None


@pytest.mark.parametrize(
    "text", ["", "10", "soon", "-10m", "10m; reboot", "--vacuum-size=1", "2999-01-01", "99999999999d"]
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(UsageError):
        moment(text)
