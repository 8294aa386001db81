"""Facts of models that were read from the hub before, in the cache folder of this user."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from zephyr_deploy import __version__
from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.hub import endpoint
from zephyr_deploy.paths import cache_dir, private_dir
from zephyr_deploy.plan.model.facts import ModelFacts
from zephyr_deploy.spec.base import Frozen

KEPT = 8
"""Commits of one model that are kept."""


class Kept(Frozen):
    """What was read of one commit."""

    facts: ModelFacts
    notes: tuple[str, ...]
    read_at: datetime
    by: str = ""
    """Version of this program that read it."""


class _Model(Frozen):
    """What is kept of one model."""

    schema_version: Literal[1] = 1
    id: str
    endpoint: str
    branches: dict[str, str] = Field(default_factory=dict)
    """From what was asked for (empty: nothing was said) to the commit that it was."""
    commits: dict[str, Kept] = Field(default_factory=dict)


class ModelCache:
    """The facts of one model, as read before.

    Nothing is wrong with a cache that is missing or damaged: what it holds is asked anew.
    """

    def __init__(self, model: str, file: str | None = None) -> None:
        """Look for it.

        Args:
            model: Its id on the hub.
            file: The GGUF file that is meant, if one is.
        """
        self._name = f"{model}/{file}" if file else model
        digest = hashlib.sha256(f"{endpoint()}\n{self._name.lower()}".encode()).hexdigest()
        self.path = cache_dir() / "model-facts" / f"{digest[:32]}.json"
        self.damaged = False
        """Whether something is there that cannot be read."""
        self._model = self._read()

    def at(self, commit: str) -> Kept | None:
        """What this version of the program has read of a commit: another may have read it otherwise."""
        found = self._model.commits.get(commit)
        return found if found and found.by == __version__ else None

    def last(self, revision: str | None) -> Kept | None:
        """What is kept, by any version, of the commit that a branch, a tag or a commit was when the hub was asked."""
        return self._model.commits.get(self._model.branches.get(revision or "", revision or ""))

    def keep(self, revision: str | None, commit: str, kept: Kept) -> str:
        """Keep it; why it could not be kept, empty where it was."""
        commits = {**self._model.commits, commit: kept.model_copy(update={"by": __version__})}
        branches = {**self._model.branches, revision or "": commit}
        recent = dict(list(commits.items())[-KEPT:])
        self._model = self._model.model_copy(
            update={"commits": recent, "branches": {name: at for name, at in branches.items() if at in recent}}
        )
        try:
            _replace(self.path, self._model.model_dump_json())
        except (ZephyrError, OSError) as error:
            return f"What the hub said could not be kept for later: {error}."
        return ""

    def _read(self) -> _Model:
        new = _Model(id=self._name, endpoint=endpoint())
        try:
            return _Model.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return new
        except (OSError, ValidationError):
            self.damaged = True
            return new


def _replace(path: Path, content: str) -> None:
    """Write a file in one step: whoever reads it finds the old or the new one."""
    folder = private_dir(path.parent)
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".new-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
