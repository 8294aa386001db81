"""Shapes of models that are known without asking the hub (``data/models.toml``)."""

from __future__ import annotations

import sys
from functools import cache

from zephyr_deploy.engines.base import ModelShape
from zephyr_deploy.resources import resource

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_ABOUT = frozenset({"id", "source", "read"})
"""Keys of a row that are not of the shape."""


@cache
def known_shapes() -> dict[str, ModelShape]:
    """Every known shape, by the model's id in small letters (the hub does not tell them apart either)."""
    table = tomllib.loads(resource("data", "models.toml").read_text(encoding="utf-8"))
    return {
        str(row["id"]).lower(): ModelShape.model_validate({key: row[key] for key in row.keys() - _ABOUT})
        for row in table["model"]
    }


def known_shape(model_id: str) -> ModelShape | None:
    """The shape of a model, or None where this version does not know it."""
    return known_shapes().get(model_id.lower())
