"""The user and password that an address may hold: sent as a header, and shown nowhere."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import unquote, urlsplit


def without_user(url: str) -> str:
    """The same address, for messages and reports."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{path}"


def basic(url: str) -> dict[str, str]:
    """The header that authorizes them; empty where there are none."""
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {b64encode(user.encode()).decode()}"}
