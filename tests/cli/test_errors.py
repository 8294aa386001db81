"""Every error becomes one message and the exit code that the design names."""

from __future__ import annotations

import errno
import json
import subprocess
import sys

import aiohttp
import httpx
import pytest
import typer
from pydantic import ValidationError

from zephyr_deploy import errors
from zephyr_deploy.cli.errors import failure_of
from zephyr_deploy.cli.session import Session
from zephyr_deploy.errors import CapacityError, RequestError, UsageError, ZephyrError
from zephyr_deploy.spec.deployment import Deployment

CODES = {
    "ZephyrError": 1,
    "UsageError": 2,
    "DeclinedError": 2,
    "InvalidRequestError": 2,
    "ConfigError": 3,
    "ConflictError": 3,
    "CredentialsError": 4,
    "AuthError": 4,
    "QuotaError": 4,
    "CreditError": 4,
    "UnauthorizedError": 4,
    "CapacityError": 5,
    "NoCapacityError": 5,
    "UnreachableError": 6,
    "HostKeyError": 6,
    "ThrottledError": 6,
    "AmbiguousError": 6,
    "UnhealthyError": 7,
    "NotDeployedError": 7,
    "GoneError": 7,
    "EngineFailedError": 7,
    "DeadlineError": 7,
    "RequestError": 7,
    "OverloadedError": 7,
    "IncompleteError": 7,
    "GateError": 8,
    "HookError": 8,
    "LockedError": 9,
    "LeftoversError": 10,
    "InUseError": 10,
}


def test_the_table_above_names_every_error():
    assert set(CODES) == set(errors.__all__)


@pytest.mark.parametrize("name", errors.__all__)
def test_exit_code_message_and_hint(probe, name):
    def fail(session: Session) -> None:
        raise getattr(errors, name)("the lamp is out", hint="zephyr-deploy status")

    ran = probe(fail, "probe")

    assert (ran.code, ran.out) == (CODES[name], "")
    assert ran.err == "Error: the lamp is out\nNext: zephyr-deploy status\n"


@pytest.mark.parametrize("name", errors.__all__)
def test_json_error(probe, name):
    kind = getattr(errors, name)

    def fail(session: Session) -> None:
        raise kind("the lamp is out", hint="zephyr-deploy status")

    ran = probe(fail, "probe", "--output", "json")

    details = {"status": None, "error_type": None} if issubclass(kind, RequestError) else {}
    assert ran.code == CODES[name]
    assert ran.err == ""
    assert json.loads(ran.out) == {
        "schema": "zephyr-deploy/1",
        "kind": "error",
        "error": {
            "code": kind.code,
            "message": "the lamp is out",
            "hint": "zephyr-deploy status",
            "exit_code": CODES[name],
            "details": details,
        },
    }


def test_details_reach_the_json():
    error = CapacityError("no room", details={"free_bytes": 3})
    assert failure_of(error).details == {"free_bytes": 3}


def test_an_error_without_hint_has_no_next_line(probe):
    def fail(session: Session) -> None:
        raise UsageError("no")

    assert probe(fail, "probe").err == "Error: no\n"


def test_one_that_nobody_foresaw_is_internal_and_points_at_debug(probe):
    def fail(session: Session) -> None:
        raise KeyError("lamp")

    ran = probe(fail, "probe")

    assert ran.code == 1
    assert "fault in zephyr-deploy: KeyError: 'lamp'" in ran.err
    assert "--debug" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("argv", [("probe", "--debug"), ("--debug", "probe")])
def test_debug_shows_the_traceback(probe, argv):
    def fail(session: Session) -> None:
        raise UsageError("no")

    ran = probe(fail, *argv)

    assert ran.code == 2
    assert "Traceback (most recent call last)" in ran.err
    assert 'raise UsageError("no")' in ran.err
    assert ran.err.endswith("Error: no\n")


def test_debug_by_environment(probe, monkeypatch):
    def fail(session: Session) -> None:
        monkeypatch.setenv("ZEPHYR_DEBUG", "1")
        raise UsageError("no")

    assert "Traceback" in probe(fail, "probe").err


def test_debug_keeps_json_on_stdout_alone(probe):
    def fail(session: Session) -> None:
        raise UsageError("no")

    ran = probe(fail, "probe", "--debug", "-o", "json")

    assert json.loads(ran.out)["error"]["code"] == "usage"
    assert "Traceback" in ran.err


def test_a_model_that_pydantic_refuses():
    with pytest.raises(ValidationError) as caught:
        Deployment.model_validate({"access": {"port": -1}, "nmae": "x"})

    failure = failure_of(caught.value)

    assert (failure.code, failure.exit_code) == ("config", 3)
    assert "access.port: " in failure.message
    assert "nmae: " in failure.message
    json.dumps(failure.as_dict())


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file", "a.toml"), "config", 3),
        (PermissionError(errno.EACCES, "Permission denied", "a.toml"), "config", 3),
        (OSError(errno.EROFS, "Read-only file system", "a.toml"), "config", 3),
        (FileExistsError(errno.EEXIST, "File exists", "a"), "config", 3),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "a/b"), "config", 3),
        (OSError(errno.ENOSPC, "No space left on device", "a.gguf"), "capacity", 5),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "a.gguf"), "capacity", 5),
        (OSError(errno.EIO, "Input/output error", "a.gguf"), "internal", 1),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "unreachable", 6),
        (TimeoutError("timed out"), "unreachable", 6),
        (httpx.ConnectError("refused"), "unreachable", 6),
        (httpx.ReadTimeout("slow"), "unreachable", 6),
        (aiohttp.ServerDisconnectedError(), "unreachable", 6),
        (KeyboardInterrupt(), "interrupted", 130),
        (typer.Abort(), "interrupted", 130),
        (ValueError("x"), "internal", 1),
    ],
)
def test_errors_of_others(error, code, exit_code):
    failure = failure_of(error)
    assert (failure.code, failure.exit_code) == (code, exit_code)
    assert failure.hint


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.EROFS])
def test_the_file_is_named(number):
    assert "/no/such/a.gguf" in failure_of(OSError(number, "words", "/no/such/a.gguf")).message


def test_a_file_that_is_missing_is_ours_before_it_is_the_systems():
    """The order of the map: an error of ours is never read as something more general."""

    class MissingModelError(CapacityError, FileNotFoundError):
        pass

    assert failure_of(MissingModelError("no model")).exit_code == 5


def test_mapping_imports_no_http_library():
    script = (
        "import sys\n"
        "from zephyr_deploy.cli.errors import failure_of\n"
        "assert failure_of(ConnectionResetError('gone')).exit_code == 6\n"
        "assert not {'httpx', 'aiohttp', 'requests', 'botocore', 'pydantic'} & set(sys.modules), sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_message_is_not_read_as_markup(probe):
    def fail(session: Session) -> None:
        raise ZephyrError("bad key [red]model[/red] in [machine]")

    assert "bad key [red]model[/red] in [machine]" in probe(fail, "probe").err
