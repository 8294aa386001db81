"""What the words of a firewall's rule say of guests, and what becomes of them when another one comes."""

from datetime import datetime, timedelta, timezone

import pytest

from zephyr_deploy.providers.clouds.visits import Said, Visit, read_words, words_for

NOW = datetime(2026, 11, 26, 18, 20, tzinfo=timezone.utc)
HALF = timedelta(minutes=30)
OURS, OTHER = Visit(run="0123abcd", lasts=HALF), Visit(run="89ef0123", lasts=2 * HALF)


def said(run, minutes):
    return str(Said(run, NOW + timedelta(minutes=minutes)))


def test_the_words_are_read_as_they_are_written():
    words = words_for(None, OURS, NOW, "for good")
    assert words == "zephyr-deploy guest 0123abcd until 20261126T185000Z"
    assert read_words(words) == Said("0123abcd", NOW + HALF)
    assert read_words(said("", 1)) == Said("", NOW + timedelta(minutes=1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "zephyr-deploy",
        "ssh",
        "the office, zephyr-deploy guest 0123abcd until 20261126T185000Z",
        "zephyr-deploy guest 0123ABCD until 20261126T185000Z",
        "zephyr-deploy guest 0123abcd until 20261399T995000Z",
    ],
)
def test_what_does_not_say_so_to_the_letter_is_no_guests(text):
    assert read_words(text) is None


@pytest.mark.parametrize(
    ("there", "visit", "then"),
    [
        (None, None, "for good"),
        ("the office", OURS, "the office"),
        ("the office", None, "the office"),
        (said("0123abcd", 5), None, "for good"),
        (said("0123abcd", 5), OURS, said("0123abcd", 30)),
        (said("89ef0123", 0), OURS, said("0123abcd", 30)),
        (said("89ef0123", 5), OURS, said("", 30)),
        (said("0123abcd", 30), OTHER, said("", 60)),
        (said("89ef0123", 45), OURS, said("", 45)),
        (said("", 5), OURS, said("", 30)),
    ],
)
def test_nobody_shuts_anybody_else_out(there, visit, then):
    assert words_for(there, visit, NOW, "for good") == then
