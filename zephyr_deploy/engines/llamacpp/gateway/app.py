"""The gateway as one ASGI application: its routes, and nothing more."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from zephyr_deploy.engines.llamacpp.gateway.auth import ApiKeyGuard
from zephyr_deploy.engines.llamacpp.gateway.chat import chat_completions
from zephyr_deploy.engines.llamacpp.gateway.completions import completions
from zephyr_deploy.engines.llamacpp.gateway.context import build_gateway
from zephyr_deploy.engines.llamacpp.gateway.errors import RejectionError
from zephyr_deploy.engines.llamacpp.gateway.generate import compat_generate, generate, generate_stream
from zephyr_deploy.engines.llamacpp.gateway.info import health, info, metrics, models
from zephyr_deploy.engines.llamacpp.gateway.reply import error_response
from zephyr_deploy.engines.llamacpp.gateway.tokenize import chat_tokenize, tokenize

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from zephyr_deploy.engines.llamacpp.settings import ServiceSettings
    from zephyr_deploy.engines.llamacpp.upstream import Upstream

ROUTES = [
    Route("/", compat_generate, methods=["POST"]),
    Route("/generate", generate, methods=["POST"]),
    Route("/generate_stream", generate_stream, methods=["POST"]),
    Route("/tokenize", tokenize, methods=["POST"]),
    Route("/chat_tokenize", chat_tokenize, methods=["POST"]),
    Route("/v1/chat/completions", chat_completions, methods=["POST"]),
    Route("/v1/completions", completions, methods=["POST"]),
    Route("/", health, methods=["GET"]),
    Route("/health", health, methods=["GET"]),
    Route("/ping", health, methods=["GET"]),
    Route("/info", info, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
    Route("/v1/models", models, methods=["GET"]),
]


def create_app(settings: ServiceSettings, upstream: Upstream, api_key: str | None) -> Starlette:
    """Make the gateway.

    Args:
        settings: Limits and names.
        upstream: The engine, open; its life belongs to the caller.
        api_key: Key that protected routes need; None: open to whoever reaches the port.

    Returns:
        The application; ``app.state.inflight`` is the number of generations under way, waiting ones included.
    """
    guard = [] if api_key is None else [Middleware(ApiKeyGuard, api_key=api_key)]
    app = Starlette(routes=ROUTES, middleware=guard, exception_handlers={RejectionError: _rejected})
    app.router.redirect_slashes = False  # TGI has none, and a redirect would send the key to whoever "Host" names
    app.state.inflight = 0
    app.state.gateway = build_gateway(settings, upstream, partial(setattr, app.state, "inflight"))
    return app


async def warm_up(upstream: Upstream) -> None:
    """Generate one token, to prove that the engine does more than answer.

    Raises:
        RequestError: It does not.
    """
    await upstream.complete({"prompt": await upstream.token_ids("Hello"), "n_predict": 1, "temperature": 0.0})


async def _rejected(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RejectionError):
        raise error
    return error_response(error)
