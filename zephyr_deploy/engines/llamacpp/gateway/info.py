"""What the service says of itself: ``/info``, ``/health``, ``/ping``, ``/metrics``, ``/v1/models``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

import zephyr_deploy
from zephyr_deploy.engines.llamacpp.gateway.context import gateway_of
from zephyr_deploy.engines.llamacpp.gateway.errors import ApiError
from zephyr_deploy.engines.llamacpp.gateway.reply import error_response, json_response

if TYPE_CHECKING:
    from starlette.requests import Request


def system_fingerprint() -> str:
    """TGI's ``<version>-<build>``, with this package's version."""
    return f"{zephyr_deploy.__version__}-native"


async def info(request: Request) -> Response:
    """Limits and names; ``model_sha`` is the SHA-256 of the model's file, since no hub commit stands behind it."""
    settings = gateway_of(request).settings
    return json_response(
        {
            "model_id": settings.model_id,
            "model_sha": settings.model_sha256,
            "model_pipeline_tag": "text-generation",
            "max_concurrent_requests": settings.max_concurrent_requests,
            "max_best_of": settings.max_best_of,
            "max_stop_sequences": settings.max_stop_sequences,
            "max_input_tokens": settings.max_input_tokens,
            "max_total_tokens": settings.max_total_tokens,
            "validation_workers": 1,
            "max_client_batch_size": settings.max_client_batch_size,
            "router": "zephyr-deploy-llamacpp",
            "version": zephyr_deploy.__version__,
            "sha": None,
            "docker_label": None,
        }
    )


async def health(request: Request) -> Response:
    """200 and nothing, or 503: whether the engine answers; nothing is generated."""
    if await gateway_of(request).upstream.healthy():
        return Response()
    return error_response(ApiError(503, "healthcheck", "unhealthy", "healthcheck"))


async def metrics(request: Request) -> Response:
    """Prometheus text."""
    return Response(gateway_of(request).metrics.render(), media_type="text/plain; version=0.0.4")


async def models(request: Request) -> Response:
    """OpenAI's list of models: the one."""
    name = gateway_of(request).settings.model_id
    return json_response({"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": name}]})
