"""Where the models lie in the cache, and how they leave it."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import Timeout

from zephyr_deploy.errors import LockedError
from zephyr_deploy.locks import acquire
from zephyr_deploy.paths import cache_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zephyr_deploy.plan.plan import ModelSource

FETCH_WAIT_S = 1800.0
"""How long to wait for another process that fetches, in seconds."""


def models_dir() -> Path:
    """The folder of fetched models; not created here."""
    return cache_dir() / "models"


def place_of(source: ModelSource) -> Path:
    """Where the file of a fetched ``source`` is to lie; a pure function of it and of the cache's place."""
    folder = f"{source.location.replace('/', '--')}@{source.version or 'unversioned'}"
    return models_dir() / source.kind / folder / (source.file or "").rpartition("/")[2]


def pin_of(request: ModelSource) -> Path:
    """Where it is noted what a request to the hub was pinned to."""
    digest = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
    return models_dir() / request.kind / f"{digest[:16]}.json"


@contextmanager
def fetch_lock(wait_s: float = FETCH_WAIT_S) -> Iterator[None]:
    """One fetcher at a time in this cache.

    Raises:
        LockedError: another process still fetches after ``wait_s`` seconds.
    """
    try:
        lock = acquire(models_dir() / ".lock", wait_s)
    except Timeout as error:
        message = f"another process fetches a model into {models_dir()} (waited {wait_s:g} s)"
        raise LockedError(message, hint="Wait for it, or end that process, then try again.") from error
    try:
        yield
    finally:
        lock.release()


def delete_models() -> int:
    """Delete every fetched model, and the cache's folder if nothing else is in it.

    Returns:
        How many bytes were freed; 0 where there was nothing, or where another process fetches just now.
    """
    if not models_dir().is_dir():
        return 0
    try:
        with fetch_lock(wait_s=0):
            freed = sum(path.lstat().st_size for path in models_dir().rglob("*") if path.is_file())
            shutil.rmtree(models_dir())
    except LockedError:
        return 0
    if not any(cache_dir().iterdir()):
        cache_dir().rmdir()
    return freed
