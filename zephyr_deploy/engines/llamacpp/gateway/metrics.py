"""What the gateway measures, under TGI's own names and buckets (``router/src/server.rs``).

Only what can be measured here is shown: TGI's ``tgi_batch_*`` durations belong to a batcher that llama.cpp does not
let anyone see into.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from zephyr_deploy.engines.llamacpp.gateway.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.engines.llamacpp.gateway.admission import Slots
    from zephyr_deploy.engines.llamacpp.gateway.timings import Timings
    from zephyr_deploy.engines.llamacpp.settings import ServiceSettings

DURATION_BUCKETS = tuple(0.00015 * 1.5**k for k in range(35))
"""Seconds: TGI's 35 buckets."""


def token_buckets(limit: int) -> tuple[float, ...]:
    """TGI's hundred equal steps up to a limit of tokens; fewer where the limit is smaller than that."""
    steps = min(100, limit)
    return tuple(float(limit * step // steps) for step in range(1, steps + 1))


class Metrics:
    """The metrics of one gateway, in a registry of their own."""

    def __init__(self, settings: ServiceSettings, slots: Slots) -> None:
        self.registry = CollectorRegistry()
        self.request_count = Counter("tgi_request_count", "Requests to generate", registry=self.registry)
        self.request_success = Counter("tgi_request_success", "Requests answered", registry=self.registry)
        self.request_failure = Counter(
            "tgi_request_failure", "Requests that failed, by cause", ["err"], registry=self.registry
        )
        self._gauge("tgi_queue_size", "Requests waiting for a slot").set_function(lambda: slots.waiting)
        self._gauge("tgi_batch_current_size", "Requests in a slot").set_function(lambda: slots.busy)
        self.duration = self._seconds("tgi_request_duration", "From arrival to last token")
        self.validation = self._seconds("tgi_request_validation_duration", "From arrival to the queue")
        self.queue = self._seconds("tgi_request_queue_duration", "Wait for a slot")
        self.inference = self._seconds("tgi_request_inference_duration", "In a slot")
        self.per_token = self._seconds("tgi_request_mean_time_per_token_duration", "In a slot, per token")
        self.generated = self._tokens("tgi_request_generated_tokens", "Tokens generated", settings.max_total_tokens)
        self.input = self._tokens("tgi_request_input_length", "Tokens of the prompt", settings.max_input_tokens)
        self.asked = self._tokens("tgi_request_max_new_tokens", "Tokens asked for", settings.max_total_tokens)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)

    def _seconds(self, name: str, text: str) -> Histogram:
        return Histogram(name, f"{text}, in seconds", buckets=DURATION_BUCKETS, registry=self.registry)

    def _tokens(self, name: str, text: str, limit: int) -> Histogram:
        return Histogram(name, text, buckets=token_buckets(limit), registry=self.registry)

    def observe(self, timings: Timings, generated: int) -> None:
        """Record a generation that reached its end."""
        self.duration.observe(timings.total)
        self.validation.observe(timings.validation)
        self.queue.observe(timings.queue)
        self.inference.observe(timings.inference)
        self.per_token.observe(timings.inference / max(generated, 1))
        self.generated.observe(generated)

    @contextmanager
    def accounted(self) -> Iterator[None]:
        """Count one request and how it ends; a client that leaves is a failure named ``dropped``."""
        self.request_count.inc()
        failure: str | None = "generation"  # whatever else goes wrong
        try:
            yield
            failure = None
        except ApiError as error:
            failure = error.label
            raise
        except (asyncio.CancelledError, GeneratorExit):
            failure = "dropped"
            raise
        finally:
            if failure is None:
                self.request_success.inc()
            else:
                self.request_failure.labels(failure).inc()

    def refused(self, error: ApiError) -> None:
        """Count one request that was refused before there was anything to run."""
        self.request_count.inc()
        self.request_failure.labels(error.label).inc()

    def render(self) -> str:
        """The text that Prometheus reads.

        The library's own rendering would add ``_total`` to every counter, and TGI's names have none.
        """
        return "".join(line + "\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for family in self.registry.collect():
            yield f"# HELP {family.name} {family.documentation}"
            yield f"# TYPE {family.name} {family.type}"
            for sample in family.samples:
                if sample.name.endswith("_created"):
                    continue
                name = family.name if family.type == "counter" else sample.name
                labels = ",".join(f'{key}="{value}"' for key, value in sample.labels.items())
                yield f"{name}{{{labels}}} {sample.value}" if labels else f"{name} {sample.value}"
