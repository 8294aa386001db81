"""One ordered map from what was raised to what the user reads and the exit code.

Libraries that may never have been imported are looked up by name: if an error of theirs was raised,
they are in ``sys.modules``.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import typer

from zephyr_deploy.cli.failure import Failure
from zephyr_deploy.errors import ZephyrError

Convert = Callable[[BaseException], Failure | None]
"""The failure of an error that it knows, else None."""

CONTINUED = {"up", "down"}
"""Commands that go on where they were cut off."""

INTERRUPTED = 130
NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
WRONG_PLACE = {
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.EROFS,
}
"""What a path can be that the user chose, beyond missing and forbidden."""


def failure_of(error: BaseException, verb: str | None = None) -> Failure:
    """What to tell the user of ``error`` in the command ``verb``; one nobody foresaw is internal, exit code 1."""
    # Typer has a word of its own for Ctrl-C and Ctrl-D at a question
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return _interrupted(verb)
    for convert in RULES:
        failure = convert(error)
        if failure is not None:
            return failure
    return Failure(
        code="internal",
        message=f"This is a fault in zephyr-deploy: {type(error).__name__}: {error}",
        hint="Run it again with --debug and report what it prints.",
        exit_code=1,
    )


@runtime_checkable
class _CalledWrongly(Protocol):
    """What Typer raises, outside standalone mode, for a wrong call: an unknown option, a bad value."""

    exit_code: int

    def format_message(self) -> str: ...


def _ours(error: BaseException) -> Failure | None:
    if not isinstance(error, ZephyrError):
        return None
    return Failure(error.code, error.message, error.hint, error.exit_code, error.details)


def _usage(error: BaseException) -> Failure | None:
    if not isinstance(error, _CalledWrongly):
        return None
    command = getattr(getattr(error, "ctx", None), "command_path", "zephyr-deploy")
    return Failure("usage", error.format_message(), f"{command} --help", 2)


def _invalid(error: BaseException) -> Failure | None:
    validation_error = _loaded("pydantic_core", "ValidationError")
    if validation_error is None or not isinstance(error, validation_error):
        return None
    problems = getattr(error, "errors")(include_url=False, include_context=False, include_input=False)  # noqa: B009
    lines = [f"{'.'.join(map(str, problem['loc'])) or 'value'}: {problem['msg']}" for problem in problems]
    return Failure("config", "; ".join(lines), "zephyr-deploy config show --origin", 3, {"problems": problems})


def _interrupted(verb: str | None) -> Failure:
    goes_on = f"; zephyr-deploy {verb} goes on where it was cut off" if verb in CONTINUED else ""
    return Failure("interrupted", "Interrupted.", f"zephyr-deploy status shows what is there{goes_on}.", INTERRUPTED)


def _system(error: BaseException) -> Failure | None:
    """Files and disks: what is meant is in the name of the file."""
    if not isinstance(error, OSError):
        return None
    where = f" {error.filename}" if error.filename else ""
    if error.errno in NO_SPACE:
        hint = "Make room there; ZEPHYR_CACHE_DIR and ZEPHYR_STATE_DIR move what is ours to another disk."
        return Failure("capacity", f"The disk is full:{where or ' it'} cannot be written.", hint, 5)
    if isinstance(error, PermissionError):
        return Failure("config", f"No permission for{where or ' this'}.", f"ls -ld{where}", 3)
    if error.errno in WRONG_PLACE:
        return Failure("config", f"{error.strerror}:{where}", "Choose another place.", 3)
    return _missing(where) if isinstance(error, FileNotFoundError) else None


def _missing(where: str) -> Failure:
    if _is_here():
        return Failure("config", f"There is no such file:{where}", "Check the path.", 3)
    return Failure("config", "The working directory has been deleted.", "cd to one that is there.", 3)


def _is_here() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - Path.cwd() is the same call
    except FileNotFoundError:
        return False
    return True


def _unreachable(error: BaseException) -> Failure | None:
    kinds = [kind for kind in (_loaded(*name) for name in _CONNECTION_ERRORS) if kind is not None]
    if not isinstance(error, (ConnectionError, TimeoutError, *kinds)):
        return None
    words = str(error) or type(error).__name__
    return Failure("unreachable", f"The connection failed: {words}", "zephyr-deploy status", 6)


_CONNECTION_ERRORS = (
    ("httpx", "TransportError"),
    ("aiohttp", "ClientConnectionError"),
    ("requests", "ConnectionError"),
    ("requests", "Timeout"),
    ("botocore.exceptions", "EndpointConnectionError"),
)

RULES: tuple[Convert, ...] = (_ours, _usage, _invalid, _system, _unreachable)


def _loaded(module: str, name: str) -> type[BaseException] | None:
    """The class, if its library was imported."""
    found = getattr(sys.modules.get(module), name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None
