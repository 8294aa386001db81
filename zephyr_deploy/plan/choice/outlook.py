"""All that is known of one setup before it exists: memory, settings, speed at every load, price."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.choice.judge import GB, Judged, measure, missing_bytes, usd_per_million
from zephyr_deploy.plan.choice.outcome import Change, Level, Outlook
from zephyr_deploy.plan.flags.advise import advise
from zephyr_deploy.plan.memory.misfit import remedies
from zephyr_deploy.plan.memory.room import lacking_bytes
from zephyr_deploy.plan.speed.predict import predict, prefill_ms
from zephyr_deploy.plan.workload import Slo, Workload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.plan.flags.advice import Advice
    from zephyr_deploy.plan.prices import Price
    from zephyr_deploy.plan.setup import Setup
    from zephyr_deploy.plan.speed.correction import Correction
    from zephyr_deploy.plan.speed.prediction import Prediction
    from zephyr_deploy.spec.deployment import Deployment

MANY = 256
"""More at a time gain little on any card: the last levels before the saturation are left out."""
MOST = 4096
"""More requests at a time are not asked about, whatever has room."""


def outlook(
    setup: Setup,
    wish: Deployment,
    workload: Workload,
    slo: Slo,
    *,
    price: Price | None = None,
    correction: Correction | None = None,
) -> Outlook:
    """Look at one setup, whether or not it fits and is fast enough.

    Args:
        setup: What is proposed; what the wish says of it counts.
        wish: What the user has said.
        workload: What is asked of it.
        slo: How fast that is to be.
        price: Of the machine; None: not known.
        correction: What one's own measurements say.
    """
    speed = _Speed(setup, workload, slo, price, correction)
    advice = speed.advise(wish)
    about = _About(advice, price, workload, slo, correction)
    if about.missing:
        return about.outlook(why=f"does not fit, by {about.missing / GB:.1f} GB a GPU", meets=False)
    asks = slo.ttft_ms is not None or slo.itl_ms is not None
    if speed.unknown:
        return about.outlook(why=speed.unknown, meets=False if asks else None)
    asked, judged = speed.asked(advice)
    return about.outlook(
        asked=asked,
        levels=speed.levels(advice),
        saturation=speed.full(advice),
        most_concurrency=speed.most(advice) if asks else None,
        meets=judged.meets if asks or workload.request_rate else None,
        why=judged.why,
        said=tuple(_said_of(asked.prediction)),
    )


class _About(NamedTuple):
    """What is known of a setup without its speed."""

    advice: Advice
    price: Price | None
    workload: Workload
    slo: Slo
    correction: Correction | None

    @property
    def missing(self) -> int:
        """Bytes of each GPU, before a step of prompts and the longest request have room."""
        advice = self.advice
        request = missing_bytes(advice.memory, self.workload)
        if advice.fits:
            return request
        return max(request, lacking_bytes(advice.setup, *self._tokens), 1)

    def outlook(self, *, asked: Level | None = None, said: tuple[str, ...] = (), **more: Any) -> Outlook:
        """With what is known of its speed."""
        advice, missing = self.advice, self.missing
        return Outlook(
            advice=advice,
            price=self.price,
            workload=self.workload,
            slo=self.slo,
            asked=asked,
            missing_bytes=missing,
            remedies=tuple(self._remedies()) if missing else (),
            correction=self.correction,
            notes=(*_notes(self.price, advice, self.correction), *said),
            **more,
        )

    @property
    def _tokens(self) -> tuple[int, int]:
        serve = self.advice.serve
        asked = self.workload.input_tokens + self.workload.output_tokens
        return serve.max_batch_prefill_tokens or asked, serve.max_total_tokens or asked

    def _remedies(self) -> Iterator[Change]:
        for remedy in remedies(self.advice.setup, *self._tokens):
            yield Change(setting=remedy.setting, value=remedy.value, what=remedy.what)


class _Speed:
    """The predictions of one setup."""

    def __init__(
        self, setup: Setup, workload: Workload, slo: Slo, price: Price | None, correction: Correction | None
    ) -> None:
        self.setup, self._workload, self._slo, self._price, self._correction = setup, workload, slo, price, correction
        self.unknown = ""
        """Why there are none; empty: there are."""
        try:
            self._prefill = prefill_ms(setup, workload.input_tokens, correction)
        except ConfigError as error:
            self.unknown = error.message

    def advise(self, wish: Deployment) -> Advice:
        """The settings; those that depend on times have the predicted ones."""
        if self.unknown:
            return advise(self.setup, wish, self._workload, self._slo)
        times = partial(prefill_ms, self.setup, correction=self._correction)
        first = advise(self.setup, wish, self._workload, self._slo, prefill_ms=times)
        if self._slo.itl_ms is None and self._slo.ttft_ms is None:
            return first
        most = self.most(first)
        return advise(self.setup, wish, self._workload, self._slo, prefill_ms=times, concurrency=most or None)

    def asked(self, advice: Advice) -> tuple[Level, Judged]:
        """Under the workload itself."""
        return self._level(self._predict(self._workload, advice), self._workload)

    def levels(self, advice: Advice) -> tuple[Level, ...]:
        """At 1, 2, 4, ... requests at a time, as far as there is room, and at as many as are asked for."""
        room, said = self._room(advice.memory.kv_tokens), self._workload.concurrency
        loads = {1, *(2**power for power in range(MANY.bit_length()) if 2**power <= room), *((said,) if said else ())}
        return tuple(self._at(load, advice) for load in sorted(loads))

    def full(self, advice: Advice) -> Level:
        """With so many requests that on average all have room, at half of their answers."""
        work = self._workload
        each = work.input_tokens + work.output_tokens // 2
        return self._at(max(1, min(MOST, advice.memory.kv_tokens // each)), advice)

    def most(self, advice: Advice) -> int:
        """Requests at a time for which the SLO holds, and which have room."""
        if not self._holds(1, advice):
            return 0
        low, high = 1, max(1, min(MOST, self._room(advice.memory.kv_tokens)))
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._holds(middle, advice) else (low, middle - 1)
        return low

    def _room(self, kv_tokens: int) -> int:
        return kv_tokens // (self._workload.input_tokens + self._workload.output_tokens)

    def _holds(self, concurrency: int, advice: Advice) -> bool:
        load = self._load(concurrency)
        return self._level(self._predict(load, advice), load)[1].meets

    def _at(self, concurrency: int, advice: Advice) -> Level:
        load = self._load(concurrency)
        return self._level(self._predict(load, advice), load)[0]

    def _load(self, concurrency: int) -> Workload:
        return self._workload.model_copy(update={"concurrency": concurrency, "request_rate": None})

    def _predict(self, workload: Workload, advice: Advice) -> Prediction:
        return predict(
            self.setup,
            workload,
            kv_tokens=advice.memory.kv_tokens,
            prefill_tokens=advice.serve.max_batch_prefill_tokens,
            correction=self._correction,
        )

    def _level(self, found: Prediction, workload: Workload) -> tuple[Level, Judged]:
        judged = measure(found, self._prefill, workload, self._slo)
        level = Level(
            prediction=found,
            ttft_ms=judged.ttft_ms,
            itl_ms=judged.itl_ms,
            chance=judged.chance,
            usd_per_million_tokens=usd_per_million(self._price, found),
        )
        return level, judged


def _said_of(found: Prediction) -> Iterator[str]:
    yield from found.notes
    if found.saturated:
        yield "More requests come than can be served: they wait ever longer."
    elif found.concurrency - found.running >= 1:
        room = f"{found.running:.0f} have room in the KV cache"
        yield f"Of {found.concurrency:.0f} requests at a time, {room}; the others wait, and that is in the TTFT."


def _notes(price: Price | None, advice: Advice, correction: Correction | None) -> tuple[str, ...]:
    used, notes = advice.setup.shards, list(advice.notes)
    if correction is not None and correction.source:
        notes.append(f"Corrected by {correction.source}.")
    if price is None:
        notes.append("No price of such a machine is known: what it costs is left out.")
    elif price.gpus > used:
        notes.append(f"{price.machine or 'The machine'} has {price.gpus} GPUs, of which {used} would be used.")
    return tuple(notes)
