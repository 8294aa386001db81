"""What every handler needs, made once per application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zephyr_deploy.engines.llamacpp.gateway.admission import Admission, Slots
from zephyr_deploy.engines.llamacpp.gateway.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from zephyr_deploy.engines.llamacpp.settings import ServiceSettings
    from zephyr_deploy.engines.llamacpp.upstream import Upstream


@dataclass(frozen=True)
class Gateway:
    """One gateway: its settings, its engine, and its counts."""

    settings: ServiceSettings
    upstream: Upstream
    admission: Admission
    slots: Slots
    metrics: Metrics


def build_gateway(settings: ServiceSettings, upstream: Upstream, on_running: Callable[[int], None]) -> Gateway:
    """Make a gateway that has seen no request yet; ``on_running`` is told how many generations are under way."""
    slots = Slots(settings.parallel)
    admission = Admission(settings.max_concurrent_requests, on_running)
    return Gateway(settings, upstream, admission, slots, Metrics(settings, slots))


def gateway_of(request: Request) -> Gateway:
    """The gateway that a request came to."""
    gateway: Gateway = request.app.state.gateway
    return gateway
