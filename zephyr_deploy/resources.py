"""Finds the templates and playbooks, in an installed wheel as in a checkout."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Path of a shipped file, e.g. ``resource("templates", "chat", "zephyr.jinja")``.

    A wheel carries ``templates`` and ``playbooks`` inside the package; in a checkout they are beside it.

    Raises:
        FileNotFoundError: if neither place has it (a broken installation).
    """
    for root in (PACKAGE, PACKAGE.parent):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"{'/'.join(parts)} is missing from this installation")


@cache
def shipped_table(name: str) -> dict[str, Any]:
    """One of the tables in ``data``, read once; whoever asks must not change it.

    Args:
        name: Without its ending, e.g. models.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    return tomllib.loads(resource("data", f"{name}.toml").read_text(encoding="utf-8"))
