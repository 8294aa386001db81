"""The program: its commands, and the one edge where errors become messages and exit codes."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Annotated, NoReturn, TextIO

import typer

from zephyr_deploy.cli.options import MODES, ConfigOpt, DebugOpt, Mode, OutputOpt, ProfileOpt, RehearseOpt, YesOpt
from zephyr_deploy.cli.session import Call, GlobalOptions, debugging
from zephyr_deploy.cli.terminal import ReaderGoneError, utf8
from zephyr_deploy.cli.verb import DEPLOY, LOOK, Group, Verb, epilog

PROGRAM = "zephyr-deploy"
INTERRUPTED = 130
BROKEN_PIPE = 141
"""Exit code when the reader of stdout has gone: what a shell shows for SIGPIPE (128 + 13)."""

COMMANDS = (
    "init",
    "up",
    "redeploy",
    "rollback",
    "lock",
    "down",
    "status",
    "ls",
    "releases",
    "audit",
    "plan",
    "gpus",
    "offers",
    "render",
    "logs",
    "tunnel",
    "ssh",
    "code",
    "inventory",
    "env",
    "chat",
    "smoke",
    "bench",
    "report",
    "compare",
    "history",
    "calibrate",
    "extend",
    "cost",
    "gc",
    "ci",
    "config",
    "notify",
    "doctor",
    "debug-bundle",
    "version",
)
"""Every command, in the order of ``--help``; each is the `Verb` in the module of that name, with _ for -."""

EXAMPLES = (
    ("zephyr-deploy up", "Serve a model on this machine"),
    ("zephyr-deploy up --provider ssh --host gpu1 --user ubuntu", "Serve Zephyr with TGI on a machine of yours"),
    ('zephyr-deploy chat "What is the capital of Japan?"', "Ask it something"),
    ("zephyr-deploy bench", "Measure it"),
    ("zephyr-deploy down --purge", "Take it away and leave nothing behind"),
)

GROUPS = {
    "lock": (
        DEPLOY,
        "Keep what a deployment is made of in zephyr.lock; show or break the lock of who works on it.",
        ("write", "show", "release"),
        "write",
    ),
    "ci": (LOOK, "Show in a CI what a command found: summaries, outputs, comments.", ("report", "comment"), ""),
    "config": (LOOK, "Show what zephyr.toml, the environment and the flags come to.", ("show", "path", "schema"), ""),
}
"""Those commands that have commands of their own: panel, help, the names of the verbs in the module, and which of them
is meant where none is named."""


def run() -> NoReturn:
    """Be the program ``zephyr-deploy``."""
    _open_closed_streams()
    signal.signal(signal.SIGTERM, _interrupt)
    _end(main(sys.argv[1:]))


def _end(code: int) -> NoReturn:
    """End as `sys.exit` does, but leave all objects to the system: to take them apart one by one takes 10 ms."""
    if threading.active_count() > 1 or sys.getprofile() or sys.gettrace():  # who works yet, or looks on, is waited for
        sys.exit(code)
    atexit._run_exitfuncs()  # noqa: SLF001 - Python's own multiprocessing does so, too
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        sys.exit(code)  # Python's own way to say so
    os._exit(code)


def _interrupt(_number: int, _frame: object) -> None:
    """Take SIGTERM as Ctrl-C, so that what is open is closed; a CI sends it some seconds after that one.

    What is being closed for a Ctrl-C already is not interrupted in it.
    """
    now = sys.exc_info()[1]
    while now is not None:
        if isinstance(now, KeyboardInterrupt):
            return
        now = now.__context__
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what a script puts in the background
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


def _open_closed_streams() -> None:
    """Point standard streams that the caller has closed (``>&-``) at nothing.

    Python has None for them, and the next file that is opened would get their number and what libraries write there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - it stays open as long as the program


def main(argv: Sequence[str]) -> int:
    """Carry out one command line and return its exit code; whatever goes wrong has been shown by then."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return _main(argv)
    from zephyr_deploy.cli.github import defused  # for those who have one

    with defused():
        return _main(argv)


def _main(argv: Sequence[str]) -> int:
    call = Call()
    try:
        return _carried_out(argv, call)
    finally:
        _leave(argv, call)


def _leave(argv: Sequence[str], call: Call) -> None:
    """Take back what let this program in to machines where it was a guest; the exit code is that of the work."""
    guests = sys.modules.get("zephyr_deploy.deploy.guests")
    if guests is None:
        return
    if signal.getsignal(signal.SIGTERM) is _interrupt:  # It comes after a Ctrl-C, whose work this is.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    from zephyr_deploy.cli.output import Output

    with suppress(KeyboardInterrupt, ReaderGoneError, OSError):
        guests.leave((call.out or Output(_mode(argv))).warn)


def _carried_out(argv: Sequence[str], call: Call) -> int:
    try:
        code = _call([utf8(word, f"Argument {place}") for place, word in enumerate(argv, 1)], call)
        sys.stdout.flush()
    except (ReaderGoneError, BrokenPipeError):
        return _hushed()
    except SystemExit as ended:
        # Typer ends the program by itself when the reader of stdout has gone, and after completion
        return _hushed() if isinstance(ended.__context__, BrokenPipeError) else int(ended.code or 0)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the edge: every error becomes a message
        return _failed(error, argv, call)
    return code


def build(words: Sequence[str] | None = None) -> typer.Typer:
    """The app.

    Building a command (reading its signature, making its options) costs more than all else that ``--help`` does.
    So only those are built whose name is among ``words``; the rest is listed. Without ``words`` all are built.
    """
    app = typer.Typer(
        name=PROGRAM,
        help="From nothing to a private LLM endpoint, and back to nothing.",
        epilog=epilog(EXAMPLES),
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_root)
    for name in COMMANDS:
        if words is None or name in words:
            load(name).add_to(app)
        elif not words or words[0] not in COMMANDS:
            load(name).list_in(app)
    return app


def load(name: str) -> Verb | Group:
    """The command of that name."""
    module = import_module(f"zephyr_deploy.cli.{name.replace('-', '_')}")
    if name in GROUPS:
        panel, words, verbs, default = GROUPS[name]
        return Group(name, words, panel, tuple(getattr(module, verb) for verb in verbs), default)
    command: Verb = getattr(module, name.replace("-", "_"))
    return command


def _call(argv: Sequence[str], call: Call) -> int:
    completing = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE" in os.environ
    app = build(None if completing else argv)
    code = app(args=list(argv) or ["--help"], prog_name=PROGRAM, standalone_mode=False, obj=call)
    if code == INTERRUPTED:  # Typer has made an exit code of it
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _failed(error: BaseException, argv: Sequence[str], call: Call) -> int:
    # only a call that fails needs these: --help does without
    from zephyr_deploy.cli.errors import failure_of
    from zephyr_deploy.cli.output import Output

    failure = failure_of(error, call.verb)
    try:
        if debugging(os.environ, flag="--debug" in argv):
            import traceback

            traceback.print_exception(error)
        (call.out or Output(_mode(argv))).error(failure)
    except (ReaderGoneError, BrokenPipeError, SystemExit):  # rich ends the program when stderr has no reader
        _hushed(sys.stdout, sys.stderr)
    except OSError:  # stdout is on a full disk, say; the JSON that cannot be written there is told as text
        _hushed()
        with suppress(OSError):
            Output("table").error(failure)
    return failure.exit_code


def _mode(argv: Sequence[str]) -> Mode:
    """The mode that was asked for, found even where the command line cannot be read as a whole."""
    wanted = os.environ.get("ZEPHYR_OUTPUT")
    for word, following in pairwise([*takewhile(lambda word: word != "--", argv), ""]):
        if word in {"--output", "-o"}:
            wanted = following
        elif word.startswith(("--output=", "-o")):
            wanted = word.removeprefix("--output=").removeprefix("-o")
    return next((mode for mode in MODES if mode == wanted), "table")


def _hushed(*streams: TextIO) -> int:
    """Point the streams (stdout) at nothing: else Python's last flush fails (see SIGPIPE in Python's docs)."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in streams or (sys.stdout,):
        os.dup2(nothing, stream.fileno())
    os.close(nothing)
    return BROKEN_PIPE


def _print_version(wanted: bool) -> None:
    if wanted:
        from zephyr_deploy import __version__

        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    *,
    output: OutputOpt = None,
    yes: YesOpt = False,
    config: ConfigOpt = None,
    profile: ProfileOpt = None,
    debug: DebugOpt = False,
    rehearse: RehearseOpt = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    context.ensure_object(Call).before = GlobalOptions(output, yes, config, profile, debug, rehearse)
