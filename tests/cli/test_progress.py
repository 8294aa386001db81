"""What is drawn while work goes on."""

from __future__ import annotations

import io
import re
import sys
import time

import pytest

from zephyr_deploy.cli.output import Output
from zephyr_deploy.cli.progress import plain
from zephyr_deploy.events import PhaseProgress, Phases, PhaseStarted

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")


def work(out: Output) -> None:
    with out.listening() as listener:
        phases = Phases(listener)
        with phases.phase("fetch", "Fetch [the] model") as phase:
            phase.progress(12_500_000, 105_500_000, "bytes")
        with phases.phase("start", "Start the engine") as phase:
            phase.progress(3, None, "seconds")
            phase.unchanged("it runs")
        phases.notice("take care", warning=True)
        with phases.phase("ready", "Wait"):
            raise TimeoutError


def finished_lines(text: str) -> list[str]:
    lines = ESCAPE.sub("", text).replace("\r", "\n").splitlines()
    return [line.strip() for line in lines if line.strip().startswith(("done", "unchanged", "failed", "Warning"))]


def expected(lines: list[str]) -> list[str]:
    return [re.sub(r"\d+\.\d", "0.0", line) for line in lines]


@pytest.mark.parametrize("live", [True, False])
def test_what_has_ended_stays(live):
    stderr = Terminal() if live else io.StringIO()
    stdout = io.StringIO()
    with pytest.raises(TimeoutError):
        work(Output("table", stdout=stdout, stderr=stderr))
    assert expected(finished_lines(stderr.getvalue())) == [
        "done         0.0 s  Fetch [the] model",
        "unchanged    0.0 s  Start the engine: it runs",
        "Warning: take care",
        "failed       0.0 s  Wait",
    ]
    assert stdout.getvalue() == ""


def test_without_a_terminal_nothing_moves():
    stderr = io.StringIO()
    with pytest.raises(TimeoutError):
        work(Output("table", stdout=io.StringIO(), stderr=stderr))
    assert "\x1b" not in stderr.getvalue()
    assert "\r" not in stderr.getvalue()
    assert len(stderr.getvalue().splitlines()) == 4


def shows(terminal: Terminal, text: str, deadline_s: float = 10) -> bool:
    """Whether the text is drawn; the line is drawn anew eight times a second."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if text in terminal.getvalue():
            return True
        time.sleep(0.02)
    return False


def test_a_live_line_says_how_far_it_is():
    stderr = Terminal()
    with Output("table", stdout=io.StringIO(), stderr=stderr).listening() as listener:
        phases = Phases(listener)
        with phases.phase("fetch", "Fetch") as phase:
            phase.progress(12_500_000, 105_500_000, "bytes")
            assert shows(stderr, "12.5 of 105.5 MB")
            phase.progress(12_500_000, None, "bytes")
            assert shows(stderr, "12.5 MB")
            phase.progress(3, 20, "requests")
            assert shows(stderr, "3 of 20 requests")


def test_a_dumb_terminal_gets_plain_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    stderr = Terminal()
    with pytest.raises(TimeoutError):
        work(Output("table", stdout=io.StringIO(), stderr=stderr))
    assert "\x1b" not in stderr.getvalue()


def test_quiet_draws_nothing():
    stderr = Terminal()
    with pytest.raises(TimeoutError):
        work(Output("quiet", stdout=io.StringIO(), stderr=stderr))
    assert stderr.getvalue() == ""


def test_printing_to_stdout_while_the_line_moves_stays_on_stdout(capsys):
    stderr = Terminal()
    with Output("table", stderr=stderr).listening():
        sys.stdout.write("data\n")
    assert capsys.readouterr().out == "data\n"
    assert "data" not in stderr.getvalue()


def test_a_long_phase_says_now_and_then_how_far_it_has_come() -> None:
    seconds = iter([0, 1, 2, 12, 12, 13, 14])
    stderr = io.StringIO()
    listener = plain(Output("table", stdout=io.StringIO(), stderr=stderr), clock=lambda: next(seconds))
    listener(PhaseStarted("model", "Model"))
    for done in (1, 2, 3):
        listener(PhaseProgress("model", done * 1_000_000, 4_000_000, "bytes"))
    assert stderr.getvalue() == "...       model: 2.0 of 4.0 MB\n"
