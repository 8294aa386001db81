"""What comes of weighing setups against each other: plain data, for people and for JSON."""

from __future__ import annotations

from typing import Literal

from zephyr_deploy.plan.choice.published import Published
from zephyr_deploy.plan.choice.terms import Term
from zephyr_deploy.plan.flags.advice import Advice
from zephyr_deploy.plan.kinds import ServerName, WeightKind
from zephyr_deploy.plan.model.facts import ModelFacts
from zephyr_deploy.plan.prices import Price
from zephyr_deploy.plan.speed.correction import Correction
from zephyr_deploy.plan.speed.prediction import Prediction
from zephyr_deploy.plan.workload import Slo, Workload
from zephyr_deploy.spec.base import Frozen, KvCacheDtype, Quantization

Verdict = Literal["best", "dearer", "worse", "unpriced", "too-dear", "too-slow", "unknown-speed", "no-room", "refused"]
"""``worse``: at the same price, another one gives more, or leaves the weights as they are. ``too-dear``: beyond the
limit that was given. ``too-slow``: the SLO is missed. ``no-room``: it does not fit."""


class Level(Frozen):
    """A load, and what it comes to."""

    prediction: Prediction
    ttft_ms: float
    """At the percentile that is asked for; `Prediction` has the ordinary request's."""
    itl_ms: float
    chance: float | None = None
    """That the SLO is met, from 0 to 1, as far as the prediction's interval says; None: nothing is asked."""
    usd_per_million_tokens: float | None = None
    """Output tokens at the machine's price; None: no price is known."""


class Option(Frozen):
    """A way to serve the model, in figures alone."""

    model: str
    engine: ServerName
    gpu: str
    gpus: int
    weights: WeightKind
    quantize: Quantization | None = None
    kv_cache_dtype: KvCacheDtype | None = None
    price: Price | None = None
    ttft_ms: float | None = None
    itl_ms: float | None = None
    output_tokens_per_s: float | None = None
    usd_per_million_tokens: float | None = None
    chance: float | None = None
    """As in `Level`."""
    missing_bytes: int = 0
    """Of each GPU; 0: it fits."""
    verdict: Verdict
    why: str
    """For people."""


class Change(Frozen):
    """A setting with which it would fit."""

    setting: str
    """In zephyr.toml."""
    value: str
    what: str
    """In a sentence."""


class Outlook(Frozen):
    """All that is known of one setup before it exists."""

    advice: Advice
    """The setup, its memory and its settings."""
    price: Price | None
    workload: Workload
    slo: Slo
    asked: Level | None
    """Under the workload; None: it does not fit, or its speed is not known."""
    levels: tuple[Level, ...] = ()
    """At 1, 2, 4, ... requests at a time."""
    saturation: Level | None = None
    """With as many requests as have room."""
    most_concurrency: int | None = None
    """Requests at a time for which the SLO holds; 0: it never does; None: nothing is asked."""
    missing_bytes: int = 0
    """Of each GPU, before a step of prompts and the longest request have room; 0: it fits."""
    remedies: tuple[Change, ...] = ()
    """What would have it fit, each by itself, the smallest change first."""
    correction: Correction | None = None
    """What one's own measurements of such a setup say; None: there are none."""
    terms: tuple[Term, ...] = ()
    """Where the time goes, if that was asked for."""
    published: tuple[Published, ...] = ()
    """The nearest measurements that somebody has published, if that was asked for."""
    meets: bool | None = None
    """Whether the SLO is met; None: nothing is asked."""
    why: str = ""
    """Where it is not, or nothing fits: the reason."""
    notes: tuple[str, ...] = ()


class PlanResult(Frozen):
    """One way to serve a model in full, and the others in figures."""

    model: ModelFacts
    workload: Workload
    slo: Slo
    chosen: bool
    """Whether it was chosen among all; else it is what the user has named."""
    outlook: Outlook | None
    """None: nothing fits, or nothing is fast enough."""
    others: tuple[Option, ...]
    """Where it was chosen: all others on such a machine, and the nearest on each other one, those that came near first;
    else those worth a look."""
    considered: int
    """How many were weighed."""
    changes: tuple[str, ...] = ()
    """Settings of `what_if`, each as KEY=VALUE."""
    what_if: PlanResult | None = None
    """The same with some settings changed."""
    notes: tuple[str, ...] = ()
