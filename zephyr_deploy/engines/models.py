"""Shapes of models that are known without asking the hub (``data/models.toml``)."""

from __future__ import annotations

from functools import cache

from zephyr_deploy.engines.base import ModelShape
from zephyr_deploy.resources import shipped_table

_FIELDS = frozenset(ModelShape.model_fields)
"""Keys of a row that are of the shape; the planner reads the others (`zephyr_deploy.plan.model.table`)."""


@cache
def known_shapes() -> dict[str, ModelShape]:
    """Every known shape, by the model's id in small letters (the hub does not tell them apart either)."""
    table = shipped_table("models")
    shapes: dict[str, ModelShape] = {}
    for row in table["model"]:
        quantized = row.get("quantization", {}).get("said")
        shape = ModelShape(**{key: row[key] for key in row.keys() & _FIELDS}, quant_method=quantized)
        shapes |= {str(name).lower(): shape for name in row["ids"]}
    return shapes


def known_shape(model_id: str) -> ModelShape | None:
    """The shape of a model, or None where this version does not know it."""
    return known_shapes().get(model_id.lower())
