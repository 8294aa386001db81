"""What each channel is sent, from the templates in ``templates/notify``."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING

from zephyr_deploy.resources import resource

if TYPE_CHECKING:
    from jinja2 import Environment

    from zephyr_deploy.deploy.notify.message import Message

MOST = 2900
"""Characters of one text; Slack takes 3,000 in a section, and 2,000 in each of its fields
(api.slack.com/reference/block-kit/blocks)."""


def payload(template: str, message: Message) -> bytes:
    """The body of the request, JSON in UTF-8; a byte of a file's name that is no text is a question mark.

    Args:
        template: Name of the template, e.g. ``slack``.
        message: What is told.
    """
    text = _environment().get_template(f"{template}.json.jinja").render(message=message)
    return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def escaped_for_slack(text: object, most: int = MOST) -> str:
    """Text that is neither markup nor a mention there (api.slack.com/reference/surfaces/formatting).

    It is cut to ``most`` characters as it is sent, where ``&`` has five.
    """
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped if len(escaped) <= most else re.sub(r"&[a-z]*\Z", "", escaped[:most]) + "…"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - JSON, in which every value goes through a filter
        loader=FileSystemLoader(resource("templates", "notify")), undefined=StrictUndefined
    )
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=True)
    environment.filters["slack"] = escaped_for_slack
    return environment
