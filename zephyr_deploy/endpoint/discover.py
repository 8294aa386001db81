"""From an address to an `Endpoint`: which engine answers there, and for which model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.endpoint.plain import opened
from zephyr_deploy.endpoint.types import Endpoint
from zephyr_deploy.errors import RequestError, UnauthorizedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.spec.base import EngineName
    from zephyr_deploy.spec.secret import Secret

OWNERS: dict[str, EngineName] = {"vllm": "vllm", "sglang": "sglang", "llamacpp": "llamacpp"}
"""``owned_by`` in ``/v1/models``, by engine."""


def discover(url: str, api_key: Secret | None = None, *, timeout_s: float = 10.0) -> Endpoint:
    """Ask what runs at ``url``. A server that is none of our engines is spoken to as vLLM: by the model's own name.

    Args:
        url: Address without a path, e.g. ``http://localhost:8080``; a trailing ``/`` or ``/v1`` is taken off.
        api_key: Bearer token, where the endpoint asks for one.
        timeout_s: Longest wait for each answer, in seconds.

    Raises:
        UsageError: ``url`` is no URL, or nothing there speaks a known API.
        UnreachableError: nothing answers.
        UnauthorizedError: the key is missing or wrong.
    """
    base = url.rstrip("/").removesuffix("/v1").rstrip("/")
    unknown = Endpoint(name=base, url=base, engine="tgi", model_id="tgi", api_key=api_key)
    with opened(unknown, read_s=timeout_s) as ask:
        for read in (_tgi, _openai):
            try:
                found = read(ask)
            except UnauthorizedError:
                raise
            except RequestError:
                continue
            if found is not None:
                engine, model_id = found
                return unknown.model_copy(update={"engine": engine, "model_id": model_id})
    raise UsageError(f"nothing at {base} speaks TGI's or OpenAI's API", hint="Give the address that ends before /v1.")


def _tgi(get: Callable[[str], Any]) -> tuple[EngineName, str] | None:
    info = get("/info")
    return ("tgi", str(info["model_id"])) if isinstance(info, dict) and "model_id" in info else None


def _openai(get: Callable[[str], Any]) -> tuple[EngineName, str] | None:
    models = get("/v1/models")
    data = models.get("data") if isinstance(models, dict) else None
    if not data:
        return None
    return OWNERS.get(str(data[0].get("owned_by")), "vllm"), str(data[0]["id"])
