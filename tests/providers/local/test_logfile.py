import pytest

from zephyr_deploy.providers.local.logfile import TAIL_BYTES, cause_of, follow, tail


@pytest.fixture
def log(tmp_path):
    return tmp_path / "service.log"


@pytest.mark.parametrize(("lines", "expected"), [(2, ["b", "c"]), (9, ["a", "b", "c"]), (0, [])])
def test_the_end_of_a_log(log, lines, expected):
    log.write_text("a\nb\nc\n")
    assert tail(log, lines) == expected


def test_a_huge_log_is_not_read_whole(log):
    log.write_bytes(b"x" * 79 + b"\n" + b"y" * 79 + b"\n" * (2 * TAIL_BYTES) + b"end\n")
    assert tail(log, 1) == ["end"]
    assert len(tail(log, 10**9)) < TAIL_BYTES + 2


def test_no_log_has_no_lines_and_an_honest_cause(log):
    assert tail(log, 5) == []
    assert "without a word" in cause_of(log).cause


def test_a_failure_without_a_known_cause_is_told_as_it_is(log):
    log.write_text("2026-11-23T08:00:00Z starting\n2026-11-23T08:00:01Z failed: the moon is full\n")
    assert cause_of(log).cause == "the moon is full"


def test_following_hears_what_is_written_between_the_last_looks(log):
    log.write_text("old\n")
    start = log.stat().st_size
    log.write_text("old\nlast\n")
    rounds = iter([True, True, False])

    def running():
        alive = next(rounds)
        with log.open("a") as file:
            file.write("half" if alive else " and whole\nno newline")
        return alive

    assert list(follow(log, start, running)) == ["last", "halfhalf and whole", "no newline"]


CRASH = "Traceback (most recent call last):\n  File ...\nValueError: no buckets\n"


def test_a_crash_is_told_by_its_last_line(log):
    log.write_text(f"2026-11-23T08:00:00Z model loaded\n{CRASH}")
    assert cause_of(log).cause == "the service met a fault: ValueError: no buckets"


def test_a_traceback_that_the_service_outlived_is_no_cause(log):
    log.write_text(f"{CRASH}2026-11-23T08:00:00Z model loaded\n0.01 W of the engine\n")
    assert "without a word" in cause_of(log).cause
