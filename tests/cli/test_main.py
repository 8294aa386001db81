"""The program as a whole: where options may stand, wrong calls, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from zephyr_deploy import __version__
from zephyr_deploy.cli import main as program
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import COST, DEPLOY, FIX, LOOK


def run(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The real program in a process of its own, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "zephyr_deploy", *argv],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def show(session: Session) -> None:
    session.out.result(
        "probe",
        {"yes": session.yes, "debug": session.debug, "profile": session.profile, "config": session.config},
        table=lambda: f"{session.out.mode} {session.yes} {session.debug} {session.profile} {session.config}",
        quiet="quiet",
    )


@pytest.mark.parametrize(
    "argv",
    [
        ("probe", "--yes", "--debug", "--profile", "p", "--config", "c.toml"),
        ("--yes", "--debug", "--profile", "p", "--config", "c.toml", "probe"),
        ("-y", "--config=c.toml", "probe", "--debug", "--profile", "p"),
    ],
)
def test_global_options_before_or_after_the_verb(probe, argv):
    ran = probe(show, *argv)
    assert (ran.code, ran.out) == (0, "table True True p c.toml\n")


def test_after_the_verb_wins(probe):
    argv = ("--output", "quiet", "--profile", "a", "probe", "-o", "json", "--profile", "b")
    assert json.loads(probe(show, *argv).out)["data"]["profile"] == "b"


def test_output_from_the_environment():
    assert run("version", ZEPHYR_OUTPUT="quiet").stdout == f"{__version__}\n"
    assert run("version", "-o", "json", ZEPHYR_OUTPUT="quiet").stdout.startswith("{")


def test_an_unknown_mode(capsys):
    assert program.main(["--output", "xml", "status"]) == 2
    assert "'xml'" in capsys.readouterr().err


def test_output_from_the_environment_is_checked():
    ran = run("version", ZEPHYR_OUTPUT="xml")
    assert ran.returncode == 2
    assert "ZEPHYR_OUTPUT=xml" in ran.stderr


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        (("statsu",), "No such command 'statsu'. Did you mean 'status'?", "zephyr-deploy --help"),
        (("status", "--jsn"), "No such option: --jsn", "zephyr-deploy status --help"),
        (("status", "a", "b"), "unexpected extra argument", "zephyr-deploy status --help"),
        (("logs", "--lines", "many"), "--lines", "zephyr-deploy logs --help"),
        (("--yes",), "Missing command", "zephyr-deploy --help"),
    ],
)
def test_wrong_calls(capsys, monkeypatch, argv, message, hint):
    assert program.main(argv) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err
    assert shown.err.endswith(f"Next: {hint}\n")

    monkeypatch.setenv("ZEPHYR_OUTPUT", "json")
    assert program.main(argv) == 2
    shown = capsys.readouterr()
    error = json.loads(shown.out)["error"]
    assert shown.err == ""
    assert (error["code"], error["exit_code"], error["hint"]) == ("usage", 2, hint)
    assert message in error["message"]


@pytest.mark.parametrize("words", [("-o", "json"), ("-ojson",), ("--output=json",), ("--output", "json")])
def test_a_wrong_call_that_asks_for_json_gets_json(capsys, words):
    assert program.main(["status", "--jsn", *words]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


def test_json_after_the_end_of_options_is_no_option(capsys):
    assert program.main(["status", "--jsn", "--", "-o", "json"]) == 2
    assert capsys.readouterr().out == ""


def test_no_arguments_show_the_help(capsys):
    assert program.main([]) == 0
    alone = capsys.readouterr()
    assert program.main(["--help"]) == 0
    asked = capsys.readouterr()
    assert alone == asked
    assert "Usage: zephyr-deploy" in alone.out
    assert alone.err == ""


def test_help_lists_every_command_in_its_panel(capsys):
    program.main(["--help"])
    page = capsys.readouterr().out
    for name in program.COMMANDS:
        assert f" {name} " in page, name
    titles = [panel for panel in (DEPLOY, LOOK, COST, FIX) if f"─ {panel} ─" in page]
    assert set(titles) == {program.load(name).panel for name in program.COMMANDS}
    assert titles == sorted(titles, key=[DEPLOY, LOOK, COST, FIX].index)


def test_help_after_a_verb_is_the_verbs(capsys):
    assert program.main(["logs", "--help"]) == 0
    page = capsys.readouterr().out
    assert "--follow" in page
    assert "--output" in page
    assert "zephyr-deploy logs -f" in page


def test_help_before_a_verb_still_lists_all(capsys):
    assert program.main(["--help", "logs"]) == 0
    page = capsys.readouterr().out
    assert all(f" {name} " in page for name in program.COMMANDS)


def test_a_verbs_name_as_a_value_of_an_option(capsys):
    assert program.main(["--profile", "up", "version", "-o", "quiet"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def test_version(capsys):
    assert program.main(["--version"]) == 0
    assert capsys.readouterr().out == f"zephyr-deploy {__version__}\n"


def test_version_as_json(capsys):
    assert program.main(["version", "-o", "json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert data["zephyr_deploy"] == __version__
    assert data["python"] == sys.version.split()[0]
    assert data["platform"]
    assert data["libraries"]["typer"] == typer.__version__


def test_the_exit_code_of_a_verb_is_the_programs(probe):
    def unwell(session: Session) -> None:
        raise typer.Exit(7)

    ran = probe(unwell, "probe")
    assert (ran.code, ran.out, ran.err) == (7, "", "")


def test_ctrl_c(probe):
    def interrupted(session: Session) -> None:
        raise KeyboardInterrupt

    ran = probe(interrupted, "probe")
    assert ran.code == 130
    assert ran.err.startswith("Error: Interrupted.\nNext: ")


def test_an_error_that_stdout_cannot_take_is_told_on_stderr(tmp_path):
    command = [sys.executable, "-m", "zephyr_deploy", "--config", "nope.toml", "config", "show", "-o", "json"]
    with Path("/dev/full").open("w") as full:
        child = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False, cwd=tmp_path
        )
    assert child.returncode == 3
    assert child.stderr.startswith("Error: there is no file nope.toml.\nNext: ")


@pytest.mark.parametrize("words", [[], ["--help"], ["config"], ["config", "--help"], ["up", "--help"]])
def test_every_help_has_examples(words, capsys):
    assert program.main(words) == 0
    shown = capsys.readouterr().out.partition("Examples:")[2]
    assert f" zephyr-deploy {words[0] if words and words[0] != '--help' else 'up'}" in shown


def test_an_error_after_the_result_leaves_one_document_on_stdout(probe):
    from zephyr_deploy.errors import GateError

    def judged(session: Session) -> None:
        show(session)
        raise GateError("ttft_p99 is 900 ms")

    ran = probe(judged, "probe", "-o", "json")
    assert ran.code == 8
    assert json.loads(ran.out)["kind"] == "probe"
    assert ran.err == "Error: ttft_p99 is 900 ms\n"


ENDLESS = """
import sys
from zephyr_deploy.cli import main as program
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

@verb(panel=LOOK, examples=[])
def probe(session: Session) -> None:
    for number in range(10_000_000):
        session.out.item("line", {"n": number}, text=f"{number}\\n")

program.COMMANDS = ("probe",)
program.load = lambda name: probe
program.run()
"""


@pytest.mark.parametrize("mode", ["table", "json", "quiet"])
def test_broken_pipe_is_quiet(mode):
    child = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, "probe", "--output", mode], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline()
    child.stdout.close()
    _, stderr = child.communicate(timeout=60)
    assert (child.returncode, stderr) == (141, b"")


def test_broken_pipe_of_help_is_quiet():
    reader, writer = os.pipe()
    os.close(reader)
    child = subprocess.run(
        [sys.executable, "-m", "zephyr_deploy", "--help"],
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (child.returncode, child.stderr) == (141, b"")


@pytest.mark.parametrize("words", [("statsu",), ("statsu", "--debug"), ("statsu", "--output", "json")])
def test_an_error_that_nobody_reads_keeps_its_exit_code(words):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "zephyr_deploy", *words]
    child = subprocess.run(command, stdout=writer, stderr=writer, timeout=60, check=False)
    os.close(writer)
    assert child.returncode == 2


WAITING = """
import time
from zephyr_deploy.cli import main as program
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

@verb(panel=LOOK, examples=[])
def probe(session: Session) -> None:
    session.out.item("ready", {}, text="ready\\n")
    time.sleep(60)

program.COMMANDS = ("probe",)
program.load = lambda name: probe
program.run()
"""


def test_a_real_interrupt_exits_with_130():
    child = subprocess.Popen(
        [sys.executable, "-c", WAITING, "probe"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Interrupted." in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    "work",
    ["atexit.register(print, 'done')", "threading.Thread(target=lambda: time.sleep(0.2) or print('done')).start()"],
    ids=["at exit", "thread"],
)
def test_what_is_to_be_done_before_the_end_is_done(work):
    script = f"import atexit, sys, threading, time\n{work}\nfrom zephyr_deploy.cli.main import run\nrun()\n"
    ran = subprocess.run(
        [sys.executable, "-c", script, "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"zephyr-deploy {__version__}\ndone\n"


def test_the_installed_script_is_this_program():
    root = Path(__file__).resolve().parents[2]
    assert 'zephyr-deploy = "zephyr_deploy.__main__:run"' in (root / "pyproject.toml").read_text()


def test_an_argument_that_is_not_utf8_is_a_wrong_call():
    done = subprocess.run(
        [sys.executable, "-m", "zephyr_deploy", "chat", b"\xff"], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Argument 2 is not UTF-8" in done.stderr


def test_a_deleted_working_directory_is_named(tmp_path, monkeypatch, capsys):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert program.main(["status"]) == 3
    assert "working directory has been deleted" in capsys.readouterr().err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_are_no_fault(closed):
    """As `cron` jobs and services of others may start us."""
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m zephyr_deploy status nothing {closed}', sys.executable],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "fault" in done.stderr) == (7, False)


INTERRUPTED_IMPORT = """
import builtins, zephyr_deploy.__main__ as program
imported = builtins.__import__

def importing(name, *rest):
    if name == "zephyr_deploy.cli.main":
        raise KeyboardInterrupt
    return imported(name, *rest)

builtins.__import__ = importing
program.run()
"""


def test_ctrl_c_before_the_program_is_imported_is_as_quiet_as_later():
    command = [sys.executable, "-c", INTERRUPTED_IMPORT]
    child = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (child.returncode, child.stderr) == (130, b"")
