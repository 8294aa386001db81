"""Reports of benchmarks, kept on this machine by deployment, so that later ones can be held against them."""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import TypeAdapter, ValidationError

from zephyr_deploy.bench.report import BenchReport, RequestRecord
from zephyr_deploy.bench.saved import read_report, report_in
from zephyr_deploy.errors import CapacityError, ConfigError, UsageError
from zephyr_deploy.paths import FULL, checked_name, is_name, private_dir, state_dir

if TYPE_CHECKING:
    from datetime import datetime

MOST = 50
"""So many reports of a deployment are kept, the latest."""
SUFFIX = ".json.gz"
PART = ".part"
"""Of what is being written; it stays where that was killed."""
LOGS: TypeAdapter[tuple[RequestRecord, ...]] = TypeAdapter(tuple[RequestRecord, ...])
CHOICE = re.compile(r"([^@]+)(?:@(-[1-9][0-9]*|[0-9a-zA-Z][0-9a-zA-Z.-]*))?")
HINT = "zephyr-deploy history shows which there are; or give a file that bench --save has written."


class Kept(NamedTuple):
    """A report that is kept, without the records of its requests."""

    path: Path
    report: BenchReport

    @property
    def at(self) -> datetime:
        """When it was measured."""
        return self.report.started_at


def kept_dir(name: str) -> Path:
    """Where those of deployment ``name`` are; not created here.

    Raises:
        ConfigError: no deployment can be called so.
    """
    return state_dir() / "benchmarks" / checked_name(name)


def keep_report(report: BenchReport) -> Path | None:
    """Keep the report of a deployment; the oldest beyond fifty go. None: it is of no deployment.

    The first line has everything but the requests' records, and each further line those of a level.

    Raises:
        CapacityError: the disk is full.
        ConfigError: it cannot be written.
    """
    target = report.target
    if target.release is None or not is_name(target.name):
        return None
    folder = private_dir(kept_dir(target.name))
    path = folder / f"{report.started_at:%Y%m%dT%H%M%S%fZ}{SUFFIX}"
    head = report.model_dump_json(exclude={"levels": {"__all__": {"log"}}}).encode()
    lines = b"\n".join([head, *(LOGS.dump_json(level.log) for level in report.levels)])
    _write(path, gzip.compress(lines, compresslevel=1))
    for old in _files(target.name)[:-MOST]:
        old.unlink(missing_ok=True)
    return path


def kept_reports(name: str) -> list[Kept]:
    """Those of a deployment, the oldest first; files that are no reports are passed over.

    Raises:
        ConfigError: no deployment can be called so.
    """
    found = []
    for path in _files(name):
        with suppress(ConfigError):
            found.append(Kept(path, _head(path)))
    return found


def kept_names() -> list[str]:
    """Deployments of which a report is kept, in the order of the alphabet."""
    folder = state_dir() / "benchmarks"
    return sorted(path.name for path in folder.glob("*") if is_name(path.name) and _files(path.name))


def forget_reports(name: str) -> list[str]:
    """Delete those of a deployment; what was deleted, for a receipt."""
    files = _files(name)
    for path in (*files, *kept_dir(name).glob(f"*{SUFFIX}{PART}")):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # not empty, or never there
        kept_dir(name).rmdir()
        kept_dir(name).parent.rmdir()
    return [f"{len(files)} benchmark{'s' if len(files) > 1 else ''} of {name}"] if files else []


def report_named(text: str) -> BenchReport:
    """The report that a user means, whole.

    Args:
        text: A file; or a deployment: its last one, ``demo@-2`` the one before that, ``demo@RELEASE`` the last of a
            release, of which the first characters are enough.

    Raises:
        ConfigError: the file is no report.
        UsageError: there is no such report.
    """
    path = Path(text)
    if path.is_file() or path.suffix or os.sep in text:
        return _whole(path) if path.name.endswith(SUFFIX) else read_report(path)
    match = CHOICE.fullmatch(text)
    if match is None or not is_name(match[1]):
        raise UsageError(f"'{text}' is neither a file nor a deployment.", hint=HINT)
    name, which = match[1], match[2] or "-1"
    kept = kept_reports(name)
    if which.startswith("-"):
        chosen = kept[int(which)] if len(kept) >= -int(which) else None
    else:
        chosen = next((one for one in reversed(kept) if (one.report.target.release or "").startswith(which)), None)
    if chosen is None:
        there = f"{len(kept)} of {name} are kept" if kept else f"no benchmark of {name} is kept here"
        raise UsageError(f"There is no benchmark {text}: {there}.", hint=HINT)
    return _whole(chosen.path)


def _files(name: str) -> list[Path]:
    return sorted(kept_dir(name).glob(f"*{SUFFIX}"))


def _head(path: Path) -> BenchReport:
    try:
        with gzip.open(path) as file:
            return report_in(file.readline(), str(path))
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{path} cannot be read: {error}", hint=HINT) from error


def _whole(path: Path) -> BenchReport:
    try:
        with gzip.open(path) as file:
            report = report_in(file.readline(), str(path))
            logs = [LOGS.validate_json(line) for line in file]
    except (OSError, EOFError, zlib.error, ValidationError, json.JSONDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: it is damaged", hint=HINT) from error
    if not logs:
        return report
    levels = tuple(level.model_copy(update={"log": log}) for level, log in zip(report.levels, logs, strict=False))
    return report.model_copy(update={"levels": levels})


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    part = path.with_name(f".{path.name}{PART}")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        kind = CapacityError if error.errno in FULL else ConfigError
        raise kind(f"{path} cannot be written: {error.strerror}", hint=f"See: df {path.parent}") from error
