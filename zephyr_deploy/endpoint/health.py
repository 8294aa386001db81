"""Whether an endpoint is able to work, by its engine's own rule, and what it says of itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from zephyr_deploy.endpoint.http import ask, open_client, our_errors
from zephyr_deploy.endpoint.info import EndpointInfo, read_info
from zephyr_deploy.engines.registry import engine
from zephyr_deploy.errors import DeadlineError, RequestError, UnauthorizedError, UnreachableError
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from zephyr_deploy.endpoint.types import Endpoint

State = Literal["ready", "starting", "unhealthy", "unreachable", "unauthorized"]
REFUSED = frozenset({401, 403})
UNAVAILABLE = 503


class Health(Frozen):
    """How an endpoint is. ``detail`` says why it is not ready, in one sentence; it is empty when it is."""

    state: State
    detail: str = ""
    info: EndpointInfo | None = None
    """None unless the endpoint is ready and its engine tells."""


def probe(endpoint: Endpoint, timeout_s: float = 5.0) -> Health:
    """Ask the endpoint once; never raises for what is wrong with it.

    ``ready`` does not prove that a token can be generated, except with SGLang: see `zephyr_deploy.endpoint.smoke`.

    Args:
        endpoint: Whom to ask.
        timeout_s: Longest wait for each of its two answers, in seconds. TGI's health can block behind a hung GPU.
    """
    with open_client(endpoint, read_s=timeout_s) as client:
        try:
            return _asked(endpoint, client)
        except UnreachableError as error:
            return Health(state="unreachable", detail=error.message)
        except UnauthorizedError as error:
            return Health(state="unauthorized", detail=error.message)
        except (DeadlineError, RequestError) as error:
            return Health(state="unhealthy", detail=error.message)


def _asked(endpoint: Endpoint, client: httpx.Client) -> Health:
    rule = engine(endpoint.engine).health
    with our_errors(endpoint.url):
        status = client.get(rule.path).status_code
    if status in REFUSED:
        return Health(state="unauthorized", detail=f"{rule.path} answered {status}: the API key is missing or wrong")
    if status == UNAVAILABLE and rule.port_opens_when == "started":
        return Health(state="starting", detail="the server is up and loads the model")
    if status != 200:  # noqa: PLR2004
        return Health(state="unhealthy", detail=f"{rule.path} answered {status}")
    return Health(state="ready", info=_info(endpoint, client))


def _info(endpoint: Endpoint, client: httpx.Client) -> EndpointInfo | None:
    try:
        return read_info(endpoint.engine, lambda path: ask(client, path))
    except UnauthorizedError:
        raise
    except RequestError:
        return None


def wait_healthy(
    endpoint: Endpoint,
    *,
    deadline_s: float,
    interval_s: float = 0.25,
    waiting: Callable[[Health, float], None] | None = None,
) -> Health:
    """Ask again and again until the endpoint is ready.

    Args:
        endpoint: Whom to ask.
        deadline_s: Longest wait, in seconds.
        interval_s: Pause between two questions, in seconds.
        waiting: Is told of every answer that was not "ready", with the seconds so far. It may raise to end the wait,
            for instance when the process behind the endpoint has ended.

    Raises:
        UnauthorizedError: the key is wrong; waiting does not help.
        DeadlineError: not ready after ``deadline_s``; the message has the last answer.
    """
    start = time.monotonic()
    while True:
        left_s = deadline_s - (time.monotonic() - start)
        health = probe(endpoint, timeout_s=max(0.1, min(5.0, left_s)))
        if health.state == "ready":
            return health
        if health.state == "unauthorized":
            raise UnauthorizedError(health.detail, status=401, hint="Check the API key.")
        elapsed_s = time.monotonic() - start
        if waiting is not None:
            waiting(health, elapsed_s)
        if elapsed_s + interval_s > deadline_s:
            message = f"{endpoint.name} was not ready after {deadline_s:g} s: {health.state}, {health.detail}"
            raise DeadlineError(message, hint="See why with `zephyr-deploy logs`.")
        time.sleep(interval_s)
