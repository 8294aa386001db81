"""Asks the world where this machine's calls come from: that is all that a machine's firewall lets in."""

from __future__ import annotations

import ipaddress
import os

from zephyr_deploy.errors import UnreachableError

ADDRESS_URL = "https://checkip.amazonaws.com"
"""Answers the caller's public address, as text; no account is needed. ``ZEPHYR_ADDRESS_URL`` names another."""
TRIES = 3
TIMEOUT_S = 10.0
HINT = "Is there a network? ZEPHYR_ADDRESS_URL names another page that answers this machine's public IPv4 address."


def own_network() -> str:
    """This machine's public address as others see it, as a network of one: ``203.0.113.7/32``.

    Raises:
        UnreachableError: nobody says it.
    """
    url = os.environ.get("ZEPHYR_ADDRESS_URL") or ADDRESS_URL
    text = _fetched(url)
    try:
        return f"{ipaddress.IPv4Address(text.strip())}/32"
    except ValueError as error:
        raise UnreachableError(f"{url} does not answer an IPv4 address: {text[:40]!r}", hint=HINT) from error


def _fetched(url: str) -> str:
    import httpx

    cause: Exception | None = None
    for _ in range(TRIES):
        try:
            return httpx.get(url, timeout=TIMEOUT_S, follow_redirects=True).raise_for_status().text
        except httpx.HTTPError as error:
            cause = error
    raise UnreachableError(f"{url} does not say this machine's public address: {cause}", hint=HINT) from cause
