"""Four short loads that between them tell of every constant: memory, compute, and what a step costs outside the GPU."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.bench.loads import Closed
from zephyr_deploy.bench.points import points_of
from zephyr_deploy.bench.run import bench
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.events import PhaseProgress, Phases, silent

if TYPE_CHECKING:
    from zephyr_deploy.endpoint.types import Endpoint
    from zephyr_deploy.events import Event, Listener
    from zephyr_deploy.plan.speed.measured import Kind, Point

LONGEST_S = 180.0
"""No probe begins after that: on an engine as slow as that the others take as long."""
REQUEST_S = 60.0
"""Longest time for one request."""
TEMPLATE_TOKENS = 64
"""Room for the words around a prompt, and for a prompt that comes out longer than asked for."""
LEAST_PROMPT = 16


class Probe(NamedTuple):
    """One load, for so many seconds, and which of its figures tell something."""

    title: str
    concurrency: int
    prompt_tokens: int
    output_tokens: int
    seconds: float
    kinds: frozenset[Kind]

    def within(self, total_tokens: int | None, requests: int | None) -> Probe:
        """The same, as an engine takes it: so many tokens of a request, so many requests at a time; None: any."""
        room = (total_tokens or self.prompt_tokens + self.output_tokens + TEMPLATE_TOKENS) - TEMPLATE_TOKENS
        output = max(2, min(self.output_tokens, room // 2))
        prompt = max(LEAST_PROMPT, min(self.prompt_tokens, room - output))
        at_once = min(self.concurrency, requests or self.concurrency)
        return self._replace(concurrency=at_once, prompt_tokens=prompt, output_tokens=output)


PROBES = (
    Probe("Time tokens, one request at a time", 1, 64, 64, 12, frozenset({"itl", "ttft"})),
    Probe("Time the first token of long prompts", 1, 1024, 4, 8, frozenset({"ttft"})),
    Probe("Time 8 requests at a time", 8, 256, 64, 16, frozenset({"itl", "throughput"})),
    Probe("Time 32 requests at a time", 32, 256, 64, 24, frozenset({"itl", "throughput"})),
)
"""A minute, where the engine is fast enough for that."""


class Probed(NamedTuple):
    """What came of them."""

    points: tuple[Point, ...]
    notes: tuple[str, ...]
    """What was not measured, and why, in whole sentences."""
    stopped: bool
    """Whether the user has interrupted it."""


def run_probes(
    endpoint: Endpoint,
    listener: Listener = silent,
    *,
    total_tokens: int | None = None,
    requests: int | None = None,
    probes: tuple[Probe, ...] = PROBES,
) -> Probed:
    """Run them one after the other; what fails is noted, and an interrupt ends them with what there is.

    Args:
        endpoint: What is measured.
        listener: Is told of each.
        total_tokens: What a request may have at most; None: not known.
        requests: How many may be in flight at most; None: not known.
        probes: Which ones.

    Raises:
        ZephyrError: of the first probe, where none came to anything.
        KeyboardInterrupt: nothing was measured before it.
    """
    phases, began = Phases(listener), time.monotonic()
    found: list[Point] = []
    notes: list[str] = []
    failed: list[ZephyrError] = []
    for probe in dict.fromkeys(one.within(total_tokens, requests) for one in probes):
        if time.monotonic() - began > LONGEST_S:
            notes.append(f"{probe.title}: left out, for the others took {LONGEST_S:g} s.")
            continue
        interrupted = False
        try:
            points, interrupted = _run(endpoint, probe, phases)
            found += points
        except ZephyrError as error:
            failed.append(error)
            notes.append(f"{probe.title}: {error.message}")
        except KeyboardInterrupt:
            if not found:
                raise
            interrupted = True
        if interrupted:
            return Probed(tuple(found), (*notes, "Interrupted: what was measured until then counts."), stopped=True)
    if failed and not found:
        raise failed[0]
    return Probed(tuple(found), tuple(notes), stopped=False)


def _run(endpoint: Endpoint, probe: Probe, phases: Phases) -> tuple[list[Point], bool]:
    """What one tells, and whether it was interrupted."""
    spec = BenchSpec(
        loads=(Closed(concurrency=probe.concurrency),),
        duration_s=probe.seconds,
        warmup=1,
        max_new_tokens=probe.output_tokens,
        prompt_tokens=probe.prompt_tokens,
        deadline_s=REQUEST_S,
    )
    with phases.phase(f"probe-{probe.concurrency}-{probe.prompt_tokens}", probe.title) as phase:

        def hear(event: Event) -> None:
            if isinstance(event, PhaseProgress):
                phase.progress(event.done, event.total, event.unit)

        report = bench(endpoint, spec, hear)
        points = [point for point in points_of(report) if point.kind in probe.kinds]
        phase.detail = ", ".join(_words(point) for point in points) or "too few answers"
        return points, report.interrupted


def _words(point: Point) -> str:
    if point.kind == "throughput":
        return f"{point.value:.3g} tokens/s"
    return f"{point.kind.upper()} {point.value:.3g} ms"
