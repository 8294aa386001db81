"""The API key."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PROTECTED = frozenset({"/", "/generate", "/generate_stream", "/tokenize", "/v1/chat/completions", "/v1/completions"})
"""Paths whose POST needs the key; everything else is open, as in TGI (``/chat_tokenize`` too)."""


class ApiKeyGuard:
    """ASGI middleware that answers 401, with an empty body, where the key is missing or wrong.

    On purpose not as TGI: TGI compares without regard to case and stops at the first difference, which makes keys
    shorter than they look; here the key must match exactly and the comparison takes the same time always.
    """

    def __init__(self, app: ASGIApp, *, api_key: str) -> None:
        self._app = app
        self._expected = api_key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in PROTECTED:
            scheme, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
            matches = hmac.compare_digest(key.encode("latin-1", "replace"), self._expected)
            if scheme.lower() != "bearer" or not matches:
                await Response(status_code=401)(scope, receive, send)
                return
        await self._app(scope, receive, send)
