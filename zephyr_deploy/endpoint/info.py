"""What an endpoint says of itself, in each engine's form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from zephyr_deploy.spec.base import EngineName

Get = Callable[[str], Any]
"""Asks the endpoint for the JSON of a path; raises a `ZephyrError` where it cannot."""


class EndpointInfo(Frozen):
    """The model and the limits. Tokens are the served model's; None: the engine does not say."""

    model_id: str
    version: str | None = None
    """Of the engine. TGI's images 3.3.6 and 3.3.7 both say 3.3.6-dev0."""
    max_input_tokens: int | None = None
    max_total_tokens: int | None = None
    max_concurrent_requests: int | None = None


def read_info(engine: EngineName, get: Get) -> EndpointInfo | None:
    """What the endpoint says, None if it does not say it.

    Raises:
        UnauthorizedError: vLLM and SGLang ask for the key here; TGI never does.
    """
    return _of_tgi(get) if engine in {"tgi", "llamacpp"} else _of_openai(engine, get)


def _of_tgi(get: Get) -> EndpointInfo | None:
    info = get("/info")
    if not isinstance(info, dict) or "model_id" not in info:
        return None
    fields = ("model_id", "version", "max_input_tokens", "max_total_tokens", "max_concurrent_requests")
    return EndpointInfo(**{name: info.get(name) for name in fields})


def _of_openai(engine: EngineName, get: Get) -> EndpointInfo | None:
    """From ``/v1/models``, whose ``max_model_len`` is vLLM's and SGLang's own addition."""
    models = get("/v1/models")
    data = models.get("data") if isinstance(models, dict) else None
    if not data:
        return None
    longest = data[0].get("max_model_len")
    return EndpointInfo(
        model_id=data[0]["id"], max_total_tokens=longest, version=_version(get) if engine == "vllm" else None
    )


def _version(get: Get) -> str | None:
    try:
        said = get("/version")
    except ZephyrError:
        return None
    return said.get("version") if isinstance(said, dict) else None
