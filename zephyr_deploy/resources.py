"""Finds the templates and playbooks, in an installed wheel as in a checkout."""

from __future__ import annotations

from pathlib import Path

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
