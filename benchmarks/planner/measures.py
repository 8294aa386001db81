"""What each kind of measurement in the table would have been: the package's own formulas, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zephyr_deploy.plan.speed.physics import IDEAL
from zephyr_deploy.plan.speed.resolve import coefficients
from zephyr_deploy.plan.speed.roofline import Batch, Coefficients, Extremes, Work, prefill, step
from zephyr_deploy.plan.speed.serving import Load, Speeds, closed_loop, idle_ttft, open_loop

if TYPE_CHECKING:
    from points import Table

    from zephyr_deploy.plan.speed.constants import Speed

ARRAYS = Extremes(np.maximum, np.minimum)
MOST = 2048
"""Sequences of a step, where as many are asked for as there is room for."""
QUEUE = 256
"""Sequences of a step, where requests come at a rate: the default of vLLM in 2024."""
ROUNDS = 10
"""Requests for each place of a closed loop, where means are over a whole run that starts with all at once."""
MS = 1000
IDEAL_MARGIN = 2 ** (-1 / IDEAL.sharpness)
"""Two that overlap are computed as a little more than the longer one."""


class Case(NamedTuple):
    """Points of one kind, as arrays."""

    work: Work
    use: Coefficients
    load: Load
    longest: np.ndarray
    asked: np.ndarray
    """Requests at a time, or a second."""

    @property
    def closed(self) -> Speeds:
        """Under a closed loop."""
        return closed_loop(self.work, self.use, self.load, ARRAYS)

    @property
    def opened(self) -> Speeds:
        """Under requests that come at a rate."""
        load = self.load._replace(concurrency=np.full_like(self.asked, QUEUE))
        return open_loop(self.work, self.use, load, self.asked, ARRAYS)[0]

    @property
    def full(self) -> Speeds:
        """With as many at a time as there is room for."""
        room = np.clip(self.load.kv_tokens / (self.load.prompt + self.load.output / 2), 1, MOST)
        return closed_loop(self.work, self.use, self.load._replace(concurrency=room), ARRAYS)

    @property
    def batch_prompts_s(self) -> np.ndarray:
        """To read the prompts of a batch."""
        return prefill(self.work, self.use, self.load.prompt * self.load.concurrency, self.load.prompt, ARRAYS)

    def batch_s(self, longest: np.ndarray) -> np.ndarray:
        """A batch that starts as one, in waves where the KV cache is too small, until its longest answer ends."""
        work, use, load = self.work, self.use, self.load
        room = np.maximum(load.kv_tokens / (load.prompt + 0.75 * load.output), 1)
        batch = np.minimum(load.concurrency, room)
        alive = batch * load.output / longest
        decode_s = longest * step(work, use, Batch(alive, load.prompt + load.output / 2), ARRAYS)
        prompts_s = prefill(work, use, batch * load.prompt, load.prompt, ARRAYS)
        return np.maximum(load.concurrency / room, 1) * (prompts_s + decode_s) + use.first_s / 2


KINDS = {
    "static_latency": lambda c: c.batch_s(c.load.output),
    "static_out_tps": lambda c: c.load.concurrency * c.load.output / c.batch_s(c.load.output),
    "burst_out_tps": lambda c: c.load.concurrency * c.load.output / c.batch_s(c.longest),
    "ttft_ms": lambda c: idle_ttft(c.work, c.use, c.load, ARRAYS) * MS,
    "ttft_batch": lambda c: (c.batch_prompts_s + c.use.first_s) * MS,
    "ttft_burst": lambda c: (c.batch_prompts_s + c.use.first_s) * MS,
    "prefill_tps": lambda c: c.load.prompt * c.load.concurrency / c.batch_prompts_s,
    "decode_tps": lambda c: c.asked / step(c.work, c.use, Batch(c.asked, c.load.prompt + c.load.output / 2), ARRAYS),
    "max_out_tps": lambda c: c.full.output_tokens,
    "itl_ms": lambda c: c.closed.itl * MS,
    "closed_out_tps": lambda c: c.closed.output_tokens,
    "req_ms_per_tok": lambda c: c.closed.running / c.closed.requests / c.load.output * MS,
    "ttft_closed": lambda c: (c.closed.ttft + (c.closed.running - 1) / 2 * c.closed.beside / ROUNDS) * MS,
    "open_tpot": lambda c: c.opened.itl * MS,
    "open_ttft": lambda c: c.opened.ttft * MS,
}


class Prepared:
    """A table, cut by kind once: the fit asks for the same points thousands of times."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.cuts = []
        for kind in np.unique(table.kind):
            at = np.flatnonzero(table.kind == kind)
            work = Work(*(column[at] for column in table.work))
            load = Load(table.prompt[at], table.output[at], np.maximum(table.requests[at], 1), table.kv_tokens[at])
            self.cuts.append((kind, at, work, load))

    def predicted(self, use: np.ndarray) -> np.ndarray:
        """In the units of the table, with the coefficients of each class (a row each); NaN: no formula."""
        table = self.table
        out = np.full(len(table.points), np.nan)
        for kind, at, work, load in self.cuts:
            if kind in KINDS:
                coefficients_ = Coefficients(*use[table.of_class[at]].T)
                out[at] = KINDS[kind](Case(work, coefficients_, load, table.longest[at], table.requests[at]))
        return out


def of_classes(table: Table, constants: Speed) -> np.ndarray:
    """The coefficients of each class, a row each."""
    return np.array([coefficients(constants, one) for one in table.classes], float)


def predicted(table: Table, constants: Speed) -> np.ndarray:
    """In the units of the table."""
    return Prepared(table).predicted(of_classes(table, constants))


def ideal(table: Table) -> np.ndarray:
    """In the units of the table, were every card as fast as its datasheet, and all else free."""
    return Prepared(table).predicted(np.tile(np.array(IDEAL, float), (len(table.classes), 1)))
