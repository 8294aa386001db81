"""Reports on file: written whole or not at all, and read again, whichever version of the tool wrote them."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from zephyr_deploy.bench.report import SCHEMA_VERSION, BenchReport
from zephyr_deploy.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

HINT = "Give files that `zephyr-deploy bench` has written: by --save, by --report, or by --output json."


def read_report(path: Path) -> BenchReport:
    """The report in a file, in this version's shape; it may be an answer of ``bench --output json`` or a page, too.

    Raises:
        ConfigError: the file cannot be read, is no report, or is of a newer version than this one; it is named.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint=HINT) from error
    return report_in(data, str(path))


def report_in(data: bytes, name: str) -> BenchReport:
    """The report that ``data`` holds; ``name`` is what it is called in errors.

    Raises:
        ConfigError: it is none, or of a newer version than this one.
    """
    try:
        found = _unwrapped(json.loads(_out_of_page(data)))
    except (ValueError, OSError, EOFError, RecursionError) as error:
        raise ConfigError(f"{name} is no report of a benchmark: it is no JSON", hint=HINT) from error
    _refuse_newer(found, name)
    try:
        return BenchReport.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise ConfigError(f"{name} is no report of a benchmark: {where}: {first['msg']}", hint=HINT) from error


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` to a file, which is not changed if that fails; a device or a pipe is written to directly.

    Raises:
        OSError: it cannot be written there.
    """
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    target = path.resolve()  # through a symbolic link, which stays one
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # some disks say only now that they are full
        part.replace(target)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise


def _out_of_page(data: bytes) -> bytes:
    """The JSON itself, also out of a page."""
    if data.lstrip()[:1] != b"<":
        return data
    from zephyr_deploy.bench.page.embedded import report_text

    return report_text(data) or data


def _unwrapped(data: Any) -> Any:
    """The report itself, also out of what `--output json` prints."""
    return data.get("data") if isinstance(data, dict) and data.get("kind") == "bench" else data


def _refuse_newer(data: Any, name: str) -> None:
    version = data.get("schema_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        by = data.get("tool_version", "of a later version")
        raise ConfigError(
            f"{name} was written by zephyr-deploy {by}: its form is version {version}, and {SCHEMA_VERSION} is the "
            "newest that is known here",
            hint="Update zephyr-deploy to read it.",
        )
