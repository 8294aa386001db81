"""Data on stdout, everything else on stderr, in every mode."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel

from zephyr_deploy.cli.failure import Failure
from zephyr_deploy.cli.hints import Given
from zephyr_deploy.cli.output import Output
from zephyr_deploy.cli.session import Session
from zephyr_deploy.errors import UsageError
from zephyr_deploy.events import Phases
from zephyr_deploy.spec.secret import Secret, SecretField


class Stream(io.StringIO):
    """Text in memory that may pretend to be a terminal, or to know no letter beyond ASCII."""

    def __init__(self, *, tty: bool = False, encoding: str = "utf-8") -> None:
        super().__init__()
        self._tty = tty
        self._encoding = encoding

    @property
    def encoding(self) -> str:
        return self._encoding

    def isatty(self) -> bool:
        return self._tty


@pytest.fixture(autouse=True)
def _ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


def speak(mode: str, **streams: Stream) -> tuple[Output, Stream, Stream]:
    stdout, stderr = streams.get("stdout", Stream()), streams.get("stderr", Stream())
    return Output(mode, stdout=stdout, stderr=stderr), stdout, stderr


def test_an_error_after_half_an_answer_begins_a_line_of_its_own():
    out, stdout, _ = speak("table", stdout=Stream(tty=True), stderr=Stream(tty=True))
    out.item("delta", {}, text="The capital of")
    out.error(Failure("interrupted", "Interrupted.", None, 130))
    assert stdout.getvalue() == "The capital of\n"
    out, stdout, _ = speak("table", stderr=Stream(tty=True))
    out.item("delta", {}, text="The capital of")
    out.error(Failure("interrupted", "Interrupted.", None, 130))
    assert stdout.getvalue() == "The capital of"


EVIDENCE = {"line": "Error: ShardCannotStart", "log": [f"line {n}" for n in range(30)]}


def test_the_end_of_the_log_and_the_line_that_shows_the_cause_go_with_an_error():
    out, stdout, stderr = speak("table")
    out.error(Failure("engine_failed", "It did not start.", "zephyr-deploy logs", 7, EVIDENCE))
    assert stdout.getvalue() == ""
    shown = stderr.getvalue().splitlines()
    assert shown[0] == "Error: It did not start."
    assert shown[1:16] == [f"  | line {n}" for n in range(15, 30)]
    assert shown[16:] == ["Seen: Error: ShardCannotStart", "Next: zephyr-deploy logs"]


def test_an_error_in_quiet_mode_has_the_line_alone():
    out, _, stderr = speak("quiet")
    out.error(Failure("engine_failed", "It did not start.", None, 7, EVIDENCE))
    assert stderr.getvalue().splitlines() == ["Error: It did not start.", "Seen: Error: ShardCannotStart"]


def test_an_error_as_json_has_the_whole_log_in_its_details():
    out, stdout, stderr = speak("json")
    out.error(Failure("engine_failed", "It did not start.", None, 7, EVIDENCE))
    assert json.loads(stdout.getvalue())["error"]["details"] == EVIDENCE
    assert stderr.getvalue() == ""


def test_hints_are_completed_by_what_the_call_was_given():
    out, stdout, stderr = speak("table")
    out.given = Given("loc")
    out.hint("zephyr-deploy up")
    out.error(Failure("config", "no", "zephyr-deploy up --port 0", 3))
    assert stderr.getvalue().splitlines() == [
        "Next: zephyr-deploy up loc",
        "Error: no",
        "Next: zephyr-deploy up loc --port 0",
    ]
    out, stdout, _ = speak("json")
    out.given = Given("loc")
    out.error(Failure("config", "no", "zephyr-deploy up", 3))
    assert json.loads(stdout.getvalue())["error"]["hint"] == "zephyr-deploy up loc"


def chatter(session: Session) -> None:
    """Do all that a command may do."""
    out = session.out
    with out.listening() as listener:
        phases = Phases(listener)
        with phases.phase("fetch", "Fetch the model") as phase:
            phase.progress(1, 2, "bytes")
        phases.notice("by the way")
        phases.notice("take care", warning=True)
    out.timing_table(phases.finished)
    out.note("a note")
    out.warn("a warning")
    out.hint("zephyr-deploy status")
    rows = [("zephyr", "ready")]
    out.result("probe", {"n": 1}, table=lambda: out.grid(("NAME", "STATE"), rows), quiet=["zephyr", "other"])


def test_table_mode(probe):
    ran = probe(chatter, "probe")
    assert ran.out == "NAME    STATE\nzephyr  ready\n"
    lines = ran.err.splitlines()
    assert lines[0].startswith("done")
    assert lines[0].endswith("s  Fetch the model")
    assert lines[1:3] == ["by the way", "Warning: take care"]
    assert [line.split()[0] for line in lines[3:6]] == ["PHASE", "Fetch", "total"]
    assert lines[6:] == ["a note", "Warning: a warning", "Next: zephyr-deploy status"]


def test_json_mode(probe):
    ran = probe(chatter, "probe", "-o", "json")
    assert json.loads(ran.out) == {"schema": "zephyr-deploy/1", "kind": "probe", "data": {"n": 1}}
    assert "Fetch the model" in ran.err
    assert "PHASE" not in ran.err


def test_quiet_mode(probe):
    ran = probe(chatter, "probe", "-o", "quiet")
    assert ran.out == "zephyr\nother\n"
    assert ran.err == "Warning: a warning\n"


def test_a_second_result_is_a_fault():
    out, *_ = speak("quiet")
    out.result("a", 1, table=str, quiet="a")
    with pytest.raises(RuntimeError, match="second result, b"):
        out.result("b", 1, table=str, quiet="b")


@pytest.mark.parametrize("mode", ["table", "quiet"])
def test_a_stream_is_raw(mode):
    out, stdout, _ = speak(mode)
    out.item("token", {"text": "Hel"}, text="Hel")
    out.item("token", {"text": "lo [b]"}, text="lo [b]")
    assert stdout.getvalue() == "Hello [b]"


def test_a_stream_as_json_is_one_line_an_item():
    out, stdout, _ = speak("json")
    out.item("token", {"text": "a\nb"}, text="a\nb")
    out.item("token", {"text": "c"}, text="c")
    lines = [json.loads(line) for line in stdout.getvalue().splitlines()]
    assert lines == [
        {"schema": "zephyr-deploy/1", "kind": "token", "data": {"text": "a\nb"}},
        {"schema": "zephyr-deploy/1", "kind": "token", "data": {"text": "c"}},
    ]


class Model(BaseModel):
    key: SecretField
    price: Decimal
    ttl: timedelta
    at: datetime
    path: Path


@dataclass
class Plain:
    key: Secret
    speed: float


def test_json_of_models_and_values():
    out, stdout, _ = speak("json")
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    model = Model(key=Secret("s3cret"), price=Decimal("1.10"), ttl=timedelta(hours=8), at=at, path=Path("/a"))
    data = {"models": [model], "plain": Plain(Secret("s3cret"), float("nan")), "set": {1}}
    out.result("probe", data, table=str, quiet="")
    assert "s3cret" not in stdout.getvalue()
    assert json.loads(stdout.getvalue())["data"] == {
        "models": [
            {"key": "[REDACTED]", "price": "1.10", "ttl": "PT8H", "at": "2026-01-02T03:04:05Z", "path": "/a"},
        ],
        "plain": {"key": "[REDACTED]", "speed": None},
        "set": [1],
    }


def test_a_wide_table_is_not_cut_for_a_program():
    out, stdout, _ = speak("table")
    out.result("probe", {}, table=lambda: out.facts([("why", "x" * 500)]), quiet="")
    assert stdout.getvalue() == f"why  {'x' * 500}\n"


def test_a_cell_is_not_read_as_markup():
    out, stdout, _ = speak("table", stdout=Stream(tty=True))
    out.result("probe", {}, table=lambda: out.grid(["A"], [("[red]x[/red] :smile:",)]), quiet="")
    assert "[red]x[/red] :smile:" in stdout.getvalue()


def test_text_from_elsewhere_does_not_steer_the_terminal():
    out, stdout, stderr = speak("table")
    out.warn("a\x1b]0;title\x07b\x9bc")
    out.result("probe", {}, table=lambda: out.facts([("model", "a\x1b[2Jb\tc")]), quiet="")
    assert stderr.getvalue() == "Warning: a]0;titlebc\n"
    assert "\x1b" not in stdout.getvalue()


def test_colour_on_a_terminal_only():
    for tty in (True, False):
        out, _, stderr = speak("table", stderr=Stream(tty=tty))
        out.warn("hot")
        assert ("\x1b[" in stderr.getvalue()) is tty


@pytest.mark.parametrize(
    ("environ", "tty", "coloured"),
    [
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_no_color_force_color_and_dumb_terminals(monkeypatch, environ, tty, coloured):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    out, stdout, stderr = speak("table", stdout=Stream(tty=tty), stderr=Stream(tty=tty))
    out.warn("hot")
    out.result("probe", {}, table=lambda: out.grid(["A"], [["b"]]), quiet="")
    assert ("\x1b[" in stderr.getvalue()) is coloured
    assert ("\x1b[" in stdout.getvalue()) is coloured


@pytest.mark.parametrize("mode", ["table", "json"])
def test_a_terminal_that_knows_ascii_only(mode):
    raw = io.BytesIO()
    stdout = io.TextIOWrapper(raw, encoding="ascii")
    out = Output(mode, stdout=stdout, stderr=Stream())
    out.result("probe", {"a": "é"}, table=lambda: out.facts([("a", "é")]), quiet="")
    shown = raw.getvalue().decode("ascii")
    if mode == "json":
        assert json.loads(shown)["data"] == {"a": "é"}
    else:
        assert shown == "a  ?\n"


def test_confirm_without_a_terminal_names_yes(probe):
    def ask(session: Session) -> None:
        session.out.confirm("Delete it?")

    ran = probe(ask, "probe")
    assert (ran.code, ran.out) == (2, "")
    assert "Delete it?" in ran.err
    assert ran.err.endswith("Next: Add --yes.\n")


@pytest.mark.parametrize("argv", [("probe", "--yes"), ("-y", "probe")])
def test_yes_answers(probe, argv):
    def ask(session: Session) -> None:
        assert session.out.confirm("Delete it?")

    ran = probe(ask, *argv)
    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize(("typed", "answer"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_confirm_asks_on_a_terminal(monkeypatch, capsys, typed, answer):
    stdin = Stream(tty=True)
    stdin.write(typed)
    stdin.seek(0)
    monkeypatch.setattr("sys.stdin", stdin)
    out, stdout, _ = speak("json", stderr=Stream(tty=True))
    assert out.confirm("Delete it?") is answer
    assert stdout.getvalue() == ""
    assert capsys.readouterr().out == ""


def test_nothing_moves_while_a_question_is_open(monkeypatch):
    class Keyboard(io.StringIO):
        def isatty(self):
            return True

        def readline(self):
            asked.append(out._live._progress.live.is_started)
            return "y\n"

    class Screen(io.StringIO):
        def isatty(self):
            return True

    asked = []
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdin", Keyboard())
    out = Output(stderr=Screen())
    with out.listening():
        assert out.confirm("Order it?")
        assert out._live._progress.live.is_started
    assert asked == [False]
    assert out._live is None


def test_confirm_needs_stdin_too(monkeypatch):
    monkeypatch.setattr("sys.stdin", Stream())
    out, *_ = speak("table", stderr=Stream(tty=True))
    with pytest.raises(UsageError):
        out.confirm("Delete it?")
