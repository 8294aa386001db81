"""What TGI says of itself at ``/info``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from zephyr_deploy.engines.llamacpp.settings import ServiceSettings


def commit(folder: Path) -> str | None:
    """The commit whose snapshot the folder is; None for a folder of one's own."""
    return folder.name if folder.parent.name == "snapshots" else None


def info_route(settings: ServiceSettings, sha: str | None) -> Route:
    """The route, with the version that image 3.3.7 says it is."""
    about = {
        "model_id": settings.model_id,
        "model_sha": sha,
        "model_pipeline_tag": "text-generation",
        "max_concurrent_requests": settings.max_concurrent_requests,
        "max_best_of": settings.max_best_of,
        "max_stop_sequences": settings.max_stop_sequences,
        "max_input_tokens": settings.max_input_tokens,
        "max_total_tokens": settings.max_total_tokens,
        "validation_workers": 2,
        "max_client_batch_size": settings.max_client_batch_size,
        "router": "text-generation-router",
        "version": "3.3.6-dev0",
        "sha": "dfb3fbe7",
        "docker_label": "sha-dfb3fbe",
    }

    async def info(_: Request) -> JSONResponse:
        return JSONResponse(about)

    return Route("/info", info, methods=["GET"])
