"""Renders the templates of a release: what is not given is an error, and every value is quoted for where it goes."""

from __future__ import annotations

import shlex
from functools import cache
from typing import TYPE_CHECKING

from zephyr_deploy.resources import resource

if TYPE_CHECKING:
    from jinja2 import Environment

OF_A_RELEASE = ("docker/", "systemd/", "caddy/Caddyfile")
"""Where its templates are, or how their paths begin."""


def render_template(path: str, **values: object) -> str:
    """One template below ``templates/``, rendered.

    Raises:
        jinja2.UndefinedError: it uses a value that was not given.
    """
    return _environment().get_template(path).render(values).rstrip("\n") + "\n"


def load_templates() -> None:
    """Have Jinja and the templates of a release at hand, which takes longer than to render them."""
    environment = _environment()
    for path in environment.list_templates(filter_func=lambda path: path.startswith(OF_A_RELEASE)):
        environment.get_template(path)


def quoted_for_systemd(text: object) -> str:
    """Text of a unit file, on one line, in which ``%`` begins a specifier (systemd.unit(5))."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text)).replace("%", "%%")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - shell, systemd and Caddy, not HTML
        loader=FileSystemLoader(resource("templates")),
        undefined=StrictUndefined,
        trim_blocks=False,
        keep_trailing_newline=True,
    )
    environment.filters["sh"] = lambda text: shlex.quote(str(text))
    environment.filters["unit"] = quoted_for_systemd
    return environment
