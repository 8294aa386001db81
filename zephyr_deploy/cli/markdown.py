"""Markdown as GitHub and GitLab read it, made from templates in which every value is text and nothing but text."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from zephyr_deploy.cli.terminal import visible

if TYPE_CHECKING:
    from jinja2 import Environment

LONGEST = 200
"""Lines of a block: a comment on GitHub holds 65,536 characters, a step's summary 1 MiB."""
_SPECIAL = re.compile(r"[&<>\\`*\[\]|~!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//)|(?<=[Ww])\.")
"""What would be markup, a cell's end or a link within a line: ``http://``, ``www.``."""
_CALLS = re.compile(r"((?<!\w)@(?=\w)|#(?=\d)|\bGH-(?=\d))", re.IGNORECASE)
"""What GitHub makes a link of: ``@somebody``, who would be told, and ``#12``, ``owner/repository#12`` and ``GH-12``,
where it would be told; not ``user@host``, which one may copy."""
UNSEEN_SPACE = "\u200b"


class Markup(str):
    """Text that is Markdown already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """One line of it, as it is: no markup, no link, and nobody is called."""
    if isinstance(value, Markup):
        return value
    line = " ".join(visible(str(value)).split())
    return Markup(_SPECIAL.sub(lambda found: f"&#{ord(found[0])};", _CALLS.sub(rf"\1{UNSEEN_SPACE}", line)))


def fenced(value: str, language: str = "") -> Markup:
    """A block in which all is shown as it is; one that is too long is cut, and says so."""
    lines = visible(value).rstrip("\n").split("\n")
    left = len(lines) - LONGEST
    if left > 0:
        lines = [*lines[:LONGEST], f"... and {left} lines more"]
    longest = max((len(run) for run in re.findall("`+", value)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup("\n".join([f"{fence}{language}", *lines, fence]))


def row(cells: tuple[str, ...]) -> Markup:
    """A line of a table."""
    return Markup(f"| {' | '.join(text(cell) for cell in cells)} |")


def ruled(columns: tuple[str, ...]) -> Markup:
    """The head of a table."""
    return Markup(f"{row(columns)}\n|{' --- |' * len(columns)}")


def rendered(template: str, **values: object) -> str:
    """One template of ``templates/ci``; what it shows of ``values`` goes through `text`.

    Raises:
        jinja2.UndefinedError: it uses a value that was not given.
    """
    return _environment().get_template(template).render(values).strip("\n") + "\n"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from zephyr_deploy.resources import resource

    environment = Environment(  # noqa: S701 - Markdown, whose values `finalize` escapes
        loader=FileSystemLoader(resource("templates", "ci")),
        undefined=StrictUndefined,
        finalize=text,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"fenced": fenced, "row": row, "ruled": ruled}
    return environment
