from datetime import datetime, timezone

import pytest

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.providers.local.lines import LocalLines
from zephyr_deploy.providers.logs import LogQuery

LOG = """2026-11-23T08:00:00Z starting
llama.cpp says something
2026-11-23T08:00:05Z model loaded
2026-11-23T08:00:06Z first answer generated
2026-11-23T08:00:07Z ready: http://127.0.0.1:1
2026-11-23T08:10:00Z request 1
a library's line
"""


@pytest.fixture
def chosen(tmp_path):
    path = tmp_path / "service.log"
    path.write_text(LOG)

    def choose(**wish):
        return LocalLines(LogQuery(**wish)).last(path, path.stat().st_size)

    return choose


def test_without_a_choice_the_last_lines(chosen):
    assert chosen(lines=2) == LOG.splitlines()[-2:]


def test_a_pattern(chosen):
    assert chosen(grep="model|request", lines=1) == ["2026-11-23T08:10:00Z request 1"]


def test_since_and_lines_without_a_time_of_their_own(chosen):
    assert chosen(since=datetime(2026, 11, 23, 8, 9, tzinfo=timezone.utc)) == LOG.splitlines()[-2:]


def test_a_phase(chosen):
    assert chosen(phase="load") == LOG.splitlines()[:3]
    assert chosen(phase="serve") == LOG.splitlines()[5:]
    with pytest.raises(ConfigError, match="no phase warm-up"):
        chosen(phase="warm-up")


def test_what_was_written_after_the_given_end_is_left_for_who_follows(tmp_path):
    path = tmp_path / "service.log"
    path.write_text("a\nb\n")
    assert LocalLines(LogQuery()).last(path, 2) == ["a"]
    assert LocalLines(LogQuery(grep="[ab]")).last(path, 2) == ["a"]
