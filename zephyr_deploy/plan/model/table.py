"""Models that are known without asking anybody (``data/models.toml``)."""

from __future__ import annotations

from functools import cache
from typing import Any

from zephyr_deploy.plan.model.facts import ModelFacts
from zephyr_deploy.resources import shipped_table


@cache
def _rows() -> dict[str, dict[str, Any]]:
    """Every row, by the model's id in small letters (the hub does not tell them apart either)."""
    table = shipped_table("models")
    return {name.lower(): {**row, "id": name} for row in table["model"] for name in row["ids"]}


def known_models() -> tuple[str, ...]:
    """Ids of the table, as the hub writes them."""
    return tuple(row["id"] for row in _rows().values())


@cache
def known_model(id: str) -> ModelFacts | None:  # noqa: A002 - as ModelFacts has it
    """The facts of a model, or None where this version does not know it."""
    row = _rows().get(id.lower())
    if row is None:
        return None
    about = {key: value for key, value in row.items() if key not in {"ids", "read", "recalled"}}
    about.setdefault("active_parameters", row["parameters"])
    return ModelFacts.model_validate({**about, "origin": "table", "as_of": row["read"]})
