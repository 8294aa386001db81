"""What a request calls its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zephyr_deploy.endpoint.types import Endpoint


def model_name(endpoint: Endpoint) -> str:
    """The ``model`` of a request. TGI takes every other name than ``tgi`` for a LoRA adapter."""
    return "tgi" if endpoint.engine in {"tgi", "llamacpp"} else endpoint.model_id
