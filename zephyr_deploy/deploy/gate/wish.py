"""The gate that a deployment asks for, read and checked before anything is changed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zephyr_deploy.bench import change, gate
from zephyr_deploy.bench.loads import Closed, Open
from zephyr_deploy.bench.slo import parse as parse_slo
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.stats.intervals import CONFIDENCE, ranks
from zephyr_deploy.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.change import Change
    from zephyr_deploy.bench.gate import Gate
    from zephyr_deploy.spec.deployment import Deployment
    from zephyr_deploy.spec.deployment import Gate as Section

CONCURRENCY = (1, 4)
"""As `bench` measures where nothing is said."""
POINT = re.compile(r"(?:ttft|tpot|e2e)\w*_p([0-9]+)")
"""Percentiles of what each request has one of, so that their number says whether an interval can be told."""


@dataclass(frozen=True)
class Gating:
    """What a release has to pass."""

    smoke: bool
    limits: tuple[Gate, ...]
    """What its own figures must not be."""
    changes: tuple[Change, ...]
    """What they must not be, compared with those of the release that served before."""
    spec: BenchSpec
    on_node: bool

    @property
    def measures(self) -> bool:
        """Whether it takes a benchmark; else every route has to answer, and no more."""
        return bool(self.limits or self.changes)


def gating(deployment: Deployment) -> Gating:
    """The gate of a deployment.

    Raises:
        ConfigError: a gate cannot be read, could never be passed, or cannot be measured like that.
    """
    section = deployment.gate
    try:
        limits = tuple(gate.parse(text) for text in section.fail_if if not change.is_change(text))
        changes = tuple(change.parse(text) for text in section.fail_if if change.is_change(text))
        slo = parse_slo(section.slo) if section.slo else None
        gate.refuse_without_slo([one for one in limits if one.metric.startswith("goodput")], slo)
    except UsageError as error:
        raise ConfigError(f"[gate] of zephyr.toml: {error.message}", hint=error.hint) from error
    found = Gating(section.smoke, limits, changes, _spec(section), section.on_node)
    if not (found.smoke or found.measures):
        hint = "Say in gate.fail_if what must not be, or set gate.smoke = true."
        raise ConfigError("a gate is asked for that lets everything pass", hint=hint)
    _refuse_too_few(found)
    return found


def _spec(section: Section) -> BenchSpec:
    closed = section.concurrency or (() if section.rate else CONCURRENCY)
    loads = (
        *(Closed(concurrency=one) for one in closed),
        *(Open(rate_per_s=one) for one in section.rate),
    )
    try:
        return BenchSpec(
            loads=loads,
            requests=section.requests,
            duration_s=section.duration.total_seconds() if section.duration else None,
            prompt_tokens=section.prompt_tokens,
            max_new_tokens=section.max_new_tokens,
            slo=parse_slo(section.slo) if section.slo else None,
        )
    except ValidationError as error:
        words = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise ConfigError(
            f"[gate] of zephyr.toml cannot be measured: {words}", hint="See docs/guides/gate.md."
        ) from None


def _refuse_too_few(found: Gating) -> None:
    """See that no gate compares percentiles of which so few requests tell nothing: it would fail each time."""
    for text, load, requests, needed in _too_few(found):
        enough = 100 * math.ceil(needed / 100)
        message = f"'{text}' can never pass with {load}: {requests} requests do not tell by how much that changed"
        raise ConfigError(message, hint=f"Measure more: gate.requests = {enough} in zephyr.toml, or --gate-requests.")


def _too_few(found: Gating) -> Iterator[tuple[str, str, int, int]]:
    for one in found.changes:
        match = POINT.fullmatch(one.metric)
        for load in found.spec.loads if match else ():
            needed, requests = fewest(int(match[1]) / 100 if match else 0.5), found.spec.requests_at(load)
            if requests is not None and requests < needed:
                yield one.text, str(load), requests, needed


def fewest(share: float) -> int:
    """So many requests are needed at least for the interval of the percentile of ``share``."""
    return next(count for count in range(2, 10_000) if ranks(count, share, CONFIDENCE))
