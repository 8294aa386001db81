"""Calls the node's program: sends it along with a request, reads what it answers.

The program (`zephyr_deploy.agent`) travels with every call as a zip archive of a few kilobytes: nothing is installed on
the node, nothing can be out of date there, and a call is one round of one connection.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import zipfile
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

from zephyr_deploy import errors
from zephyr_deploy.agent.main import VERBS
from zephyr_deploy.events import Listener, Notice, PhaseFinished, PhaseProgress, PhaseStarted, silent
from zephyr_deploy.resources import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.node.connection import NodeConnection
    from zephyr_deploy.node.lines import Lines, Signs

IDLE_S = 20.0
"""The program gives a sign of life every second; silence for this long, in seconds, is a dead network.

TCP resends what was lost after 1, 2, 4 and 8 s, so a line that loses much still gets one through. Being wrong costs
little: the same command, typed again, takes over what the first one began.
"""
DEADLINE_S = 4 * 3600.0
"""Longest call, in seconds: a model of hundreds of gigabytes on a slow line."""
MISSING = 127
FOR_TYPES = re.compile(r"^if TYPE_CHECKING:\n(?:[ ].*\n|\n)+", re.MULTILINE)
IMPORTED = re.compile(r"^ *from zephyr_deploy\.agent(?:\.(\w+))? import ([\w, ]+)", re.MULTILINE)
_ERRORS: dict[str, type[errors.ZephyrError]] = {
    kind.code: kind
    for kind in (
        errors.ConfigError,
        errors.CredentialsError,
        errors.CapacityError,
        errors.UnreachableError,
        errors.UnhealthyError,
        errors.NotDeployedError,
        errors.EngineFailedError,
        errors.DeadlineError,
        errors.LockedError,
        errors.LeftoversError,
    )
}


class NoPythonError(errors.ConfigError):
    """The machine has no Python that the program could run in."""


def call(
    node: NodeConnection,
    verb: str,
    request: dict[str, Any],
    *,
    listener: Listener = silent,
    on_line: Callable[[str], None] | None = None,
    deadline_s: float = DEADLINE_S,
    signs: Signs | None = None,
) -> dict[str, Any]:
    """Have the node carry out ``verb``.

    Args:
        node: Where.
        verb: One of `zephyr_deploy.agent.main.VERBS`.
        request: What it needs; it may hold secrets, which are in nobody's argv.
        listener: Is told of the phases there.
        on_line: Is given the lines of a log.
        deadline_s: Longest wait for the result, in seconds.
        signs: Of life, for a verb that goes on as long as they come.

    Returns:
        Its result.

    Raises:
        ZephyrError: what went wrong there, as the same kind of error that it would be here.
        UnreachableError: the connection was cut, or nothing comes through it any more.
        DeadlineError: it works, and has no result after ``deadline_s``.
        CredentialsError: the user may not become root there.
        NoPythonError: the machine has no Python.
    """
    body, how = _stdin({**request, "verb": verb}), {"deadline_s": deadline_s, "idle_s": IDLE_S}
    try:
        with node.lines(command(node.route.user), body, what=verb, signs=signs, **how) as lines:
            for line in lines:
                event = _parse(line)
                if event.get("event") == "result":
                    return {key: value for key, value in event.items() if key != "event"}
                _pass_on(event, listener, on_line)
    except errors.DeadlineError as error:
        if "silent_s" not in error.details:
            raise
        hint = "See that it is on and the network works, then run the same command again: it goes on where this ended."
        raise errors.UnreachableError(error.message, hint=hint, details=error.details) from error
    raise _no_answer(node, lines)


def command(user: str) -> str:
    """What is typed on the node: its own Python, as root, with the program on stdin."""
    python = f"python3 -c {shlex.quote(_bootstrap())}"
    return python if user == "root" else f'sudo -n env SSH_CONNECTION="$SSH_CONNECTION" {python}'


@cache
def _bootstrap() -> str:
    return (PACKAGE / "agent" / "bootstrap.py").read_text(encoding="utf-8")


@cache
def archive(verb: str) -> bytes:
    """The part of the program that ``verb`` needs: a zip archive that Python can import from, compressed as a whole.

    A new connection carries some 15 kB in its first round trip, and half as much again as is left out in the second.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr(zipfile.ZipInfo("zephyr_deploy/__init__.py"), "")
        for name, text in sorted(_needed("__init__", "main", VERBS[verb]).items()):
            # without a time: the same bytes each time
            target.writestr(zipfile.ZipInfo(f"zephyr_deploy/agent/{name}.py"), text)
    return zlib.compress(buffer.getvalue())


def _needed(*names: str) -> dict[str, str]:
    """Modules of the program with all that they import, by name; what is imported for type checkers is left out."""
    found: dict[str, str] = {}
    wanted = list(names)
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = (PACKAGE / "agent" / f"{name}.py").read_text(encoding="utf-8")
            for module, listed in IMPORTED.findall(FOR_TYPES.sub("", found[name])):
                wanted += [module] if module else listed.split(", ")
    return found


def _stdin(request: dict[str, Any]) -> bytes:
    program = archive(request["verb"])
    return b"%d\n" % len(program) + program + json.dumps(request).encode() + b"\n"


def _parse(line: str) -> dict[str, Any]:
    """One event; what is none (a login script that prints) is passed over."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _pass_on(event: dict[str, Any], listener: Listener, on_line: Callable[[str], None] | None) -> None:
    match event.get("event"):
        case "phase" if event["state"] == "started":
            listener(PhaseStarted(event["phase"], event["title"]))
        case "phase":
            listener(
                PhaseFinished(event["phase"], event["title"], event["seconds"], event["state"], event.get("detail", ""))
            )
        case "progress":
            listener(
                PhaseProgress(event["phase"], event["done"], event["total"], event["unit"], event.get("detail", ""))
            )
        case "notice":
            listener(Notice(event["message"], event["level"]))
        case "line" if on_line is not None:
            on_line(event["line"])
        case "error":
            raise error_of(event)
        case _:
            return


def error_of(event: dict[str, Any]) -> errors.ZephyrError:
    """The error that a node's ``error`` event tells of."""
    kind = _ERRORS.get(event["kind"], errors.ZephyrError)
    return kind(event["message"], hint=event.get("hint") or None, details=event.get("details"))


def _no_answer(node: NodeConnection, lines: Lines) -> errors.ZephyrError:
    said = lines.stderr.strip().splitlines()
    last = said[-1] if said else f"exit code {lines.rc}"
    place = node.route.place
    if "sudo" in last or "sudoers" in last:
        hint = f"Let {node.route.user} run sudo without a password there, or log in as root (--user root)."
        return errors.CredentialsError(f"{node.route.user} may not become root on {place}: {last}", hint=hint)
    if lines.rc == MISSING or "python3" in last:
        hint = "Install it there: sudo apt-get install python3"
        return NoPythonError(f"{place} has no Python 3.8 or newer: {last}", hint=hint)
    return errors.UnreachableError(f"{place} ended the call without an answer: {last}", hint="Run it again.")
