"""The way out that the user's variables name, for those who make a transport of their own: httpx gives it none."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from zephyr_deploy.endpoint.loopback import is_loopback


def proxy_for(url: str) -> str | None:
    """The proxy by which ``url`` is reached; None: directly, as this machine itself always is."""
    address = urlsplit(url)
    if is_loopback(url) or proxy_bypass(address.hostname or ""):
        return None
    return getproxies().get(address.scheme)
