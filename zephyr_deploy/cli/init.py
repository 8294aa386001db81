"""``zephyr-deploy init``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import DEPLOY, verb
from zephyr_deploy.errors import ConfigError


@verb(
    panel=DEPLOY,
    examples=[
        ("zephyr-deploy init", "Write a zephyr.toml in which every setting is explained"),
        ("zephyr-deploy init --stdout", "Only show it"),
        ("zephyr-deploy --config demo.toml init --force", "Write another file, over what is there"),
    ],
)
def init(
    session: Session,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    stdout: Annotated[bool, typer.Option("--stdout", help="Print it and write no file.")] = False,
) -> None:
    """Write a zephyr.toml that explains every setting and sets none."""
    from zephyr_deploy.spec.environment import named
    from zephyr_deploy.spec.file import FILE_NAME
    from zephyr_deploy.spec.reference import starter_file

    text = starter_file()
    if stdout:
        shown = text.rstrip("\n")
        session.out.result("init", {"path": None, "text": text}, table=lambda: shown, quiet=shown)
        return
    path = Path(session.config or named(os.environ, "ZEPHYR_CONFIG") or FILE_NAME).expanduser()
    _write(path, text, force=force)
    session.out.result("init", {"path": str(path), "text": text}, table=lambda: f"{path} written.", quiet=str(path))
    session.out.hint("zephyr-deploy up")


def _write(path: Path, text: str, *, force: bool) -> None:
    """Whole or not at all: on a full disk what was there stays, and no empty file takes its place."""
    if not force and path.exists():
        hint = "zephyr-deploy init --force writes over it, zephyr-deploy init --stdout only shows."
        raise ConfigError(f"{path} is there already.", hint=hint)
    target = path.resolve()  # A link stays one.
    partial = target.with_name(target.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
