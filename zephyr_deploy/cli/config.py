"""``zephyr-deploy config``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb
from zephyr_deploy.errors import ConfigError

if TYPE_CHECKING:
    from zephyr_deploy.spec.load import Loaded


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy config show", "Every setting as it holds now"),
        ("zephyr-deploy config show --origin", "Which setting came from where"),
        ("zephyr-deploy --profile large config show --output json", "The same with a profile, as JSON"),
    ],
)
def show(
    session: Session,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value came from.")] = False,
) -> None:
    """Show every setting as it holds now."""
    from zephyr_deploy.spec.keys import KEYS, value_of
    from zephyr_deploy.spec.values import masked, toml

    loaded = session.load()
    values = {key: masked(key, value_of(loaded.deployment, key)) for key in KEYS}
    columns = ("SETTING", "VALUE", "FROM") if origin else ("SETTING", "VALUE")
    rows = [(key, toml(value), _from(loaded, key))[: len(columns)] for key, value in values.items()]
    session.out.result(
        "config",
        {
            "config": loaded.config,
            "profile": loaded.profile,
            "settings": [{"key": key, "value": values[key], **_origin(loaded, key)} for key in KEYS],
        },
        table=lambda: session.out.grid(columns, rows),
        quiet=(f"{key} = {toml(value)}" for key, value in values.items() if value is not None),
    )


@verb(panel=LOOK, examples=[("zephyr-deploy config path", "Which file is read")])
def path(session: Session) -> None:
    """Print the path of the zephyr.toml that is read."""
    from zephyr_deploy.spec.load import config_path

    found = config_path(session.config, os.environ, Path.cwd())
    if found is None:
        raise ConfigError("there is no zephyr.toml here or above.", hint="zephyr-deploy init writes one.")
    if not found.is_file():
        raise ConfigError(f"there is no file {found}.", hint="zephyr-deploy init writes one.")
    session.out.result("config.path", {"path": found}, table=lambda: str(found), quiet=str(found))


@verb(panel=LOOK, examples=[("zephyr-deploy config schema > zephyr.schema.json", "Let an editor check zephyr.toml")])
def schema(session: Session) -> None:
    """Print the JSON Schema of zephyr.toml, for editors."""
    from zephyr_deploy.spec.schema import file_schema

    found = file_schema()
    text = json.dumps(found, indent=2)
    session.out.result("config.schema", found, table=lambda: text, quiet=text)


def _origin(loaded: Loaded, key: str) -> dict[str, str]:
    return {"layer": loaded.origins[key].layer, "where": loaded.origins[key].where}


def _from(loaded: Loaded, key: str) -> str:
    origin = loaded.origins[key]
    return f"{origin} (profile {loaded.profile})" if origin.layer == "profile" else str(origin)
