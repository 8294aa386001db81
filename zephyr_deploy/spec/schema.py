"""The JSON Schema of zephyr.toml, for editors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic_core import to_jsonable_python

from zephyr_deploy.spec.deployment import Deployment
from zephyr_deploy.spec.durations import format_duration
from zephyr_deploy.spec.file import PROFILES
from zephyr_deploy.spec.keys import KEYS, SECTIONS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def file_schema() -> dict[str, Any]:
    """Every setting, and the same once more below ``profile.NAME``. Rules between settings are not in it."""
    models = Deployment.model_json_schema()
    definitions: dict[str, Any] = models.get("$defs", {})
    tables = {name: definitions[model.__name__] for name, model in SECTIONS.items()}
    for key in KEYS.values():
        holder = tables[key.section] if key.section else models
        holder["properties"][key.name] = _setting(holder["properties"][key.name], key.default)
    settings = {name: tables.get(name, models["properties"][name]) for name in models["properties"]}
    one = {"type": "object", "additionalProperties": False, "properties": settings}
    profiles = {
        "type": "object",
        "description": "Other values, by the name of the profile.",
        "additionalProperties": {"$ref": "#/$defs/settings"},
    }
    return {
        "$schema": DIALECT,
        "title": "zephyr.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"$ref": f"#/$defs/settings/properties/{name}"} for name in settings}
        | {PROFILES: profiles},
        "$defs": {"settings": one},
    }


def _setting(schema: dict[str, Any], default: object) -> dict[str, Any]:
    """One setting without null, which TOML does not have, and with its default as the file would say it."""
    options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    flat = {name: value for name, value in schema.items() if name not in {"anyOf", "default", "title"}}
    flat |= options[0] if len(options) == 1 else {"anyOf": options} if options else {}
    if default is not None:
        flat["default"] = format_duration(default) if isinstance(default, timedelta) else to_jsonable_python(default)
    return flat
