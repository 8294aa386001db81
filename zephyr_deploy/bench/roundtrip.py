"""How long the way to an endpoint and back takes, which no engine has to answer for."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.endpoint.types import Endpoint

TIMES = 7
READ_S = 10.0
MS = 1000


def round_trip_ms(endpoint: Endpoint) -> float:
    """Median time of a request that the server answers without the model, over an open connection.

    Raises:
        UnreachableError, RequestError: it is not answered.
    """
    from zephyr_deploy.endpoint.http import ask, open_client

    path = "/info" if endpoint.engine in {"tgi", "llamacpp"} else "/v1/models"
    with open_client(endpoint, read_s=READ_S) as client:
        ask(client, path)
        return median(_timed(lambda: ask(client, path)) for _ in range(TIMES))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * MS
