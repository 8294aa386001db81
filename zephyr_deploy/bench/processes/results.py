"""What a process found, as bytes: one line of JSON, then the events of all samples as columns.

Nothing in it is ever executed, so that it may come from another machine. What answers said is left out.
"""

from __future__ import annotations

import json
import sys
from array import array
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from zephyr_deploy import errors
from zephyr_deploy.bench.driven import Driven
from zephyr_deploy.bench.sample import Events, Sample
from zephyr_deploy.bench.watch import LoopWatch

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAIN = (
    "taken_ns",
    "number",
    "conversation",
    "turn",
    "due_ns",
    "sent_ns",
    "connect_ns",
    "rtt_ns",
    "prompt_tokens",
    "generated_tokens",
    "finish",
    "ended_ns",
)


def packed(driven: Driven) -> bytes:
    """`Driven` as bytes."""
    samples = driven.samples
    head = {
        "byteorder": sys.byteorder,
        "watch": asdict(driven.watch),
        "samples": [[getattr(sample, name) for name in PLAIN] for sample in samples],
        "events": [len(sample.events) for sample in samples],
        "failures": [said(sample.failure) for sample in samples],
    }
    columns = [array("q"), array("q"), array("q")]
    for sample in samples:
        for column, values in zip(columns, sample.events.columns(), strict=True):
            column.extend(values)
    return json.dumps(head).encode() + b"\n" + b"".join(column.tobytes() for column in columns)


def unpacked(data: bytes) -> Driven:
    """What `packed` made bytes of.

    Raises:
        ValueError: it is not whole.
    """
    line, found, rest = data.partition(b"\n")
    head = json.loads(line) if found else {}
    if "events" not in head:
        raise ValueError("the results are not whole")
    total = sum(head["events"])
    if len(rest) != 3 * 8 * total:
        raise ValueError("the results are not whole")
    columns = [_column(rest, place, total, head["byteorder"]) for place in range(3)]
    samples, begin = [], 0
    for plain, many, failure in zip(head["samples"], head["events"], head["failures"], strict=True):
        sample = Sample(**dict(zip(PLAIN, plain, strict=True)), failure=error_of(failure))
        sample.events = Events.of(*(column[begin : begin + many] for column in columns))
        samples.append(sample)
        begin += many
    return Driven(samples, LoopWatch(**head["watch"]))


def packed_error(error: BaseException, text: str) -> bytes:
    """Why a process has no results; ``text`` is where it happened, for an error that nobody expected."""
    known = error if isinstance(error, errors.ZephyrError) else None
    return json.dumps({"error": said(known), "unexpected": None if known else text}).encode() + b"\n"


def error_in(data: bytes) -> errors.ZephyrError | str | None:
    """The error that a process ended with, as text where it was not expected; None: it ended well."""
    if not data.startswith(b'{"error"'):
        return None
    said = json.loads(data)
    return error_of(said["error"]) or str(said["unexpected"])


def merged(driven: Sequence[Driven]) -> Driven:
    """As if one process had done it all; requests are numbered in the order in which they were taken up."""
    samples = sorted((s for one in driven for s in one.samples), key=lambda sample: (sample.taken_ns, sample.turn))
    for number, sample in enumerate(samples):
        sample.number = number
    return Driven(samples, _watched([one.watch for one in driven]))


def _watched(watches: Sequence[LoopWatch]) -> LoopWatch:
    """Every loop's lateness; the processor time of all, and of the one that took most."""
    return LoopWatch(
        [lag for watch in watches for lag in watch.lags_ms],
        cpu_share=sum(watch.cpu_share for watch in watches),
        seconds=max((watch.seconds for watch in watches), default=0.0),
        busiest_share=max((watch.busiest_share for watch in watches), default=0.0),
        processes=len(watches),
        priority=watches[0].priority if watches else "normal",
    )


def _column(rest: bytes, place: int, total: int, byteorder: str) -> array[int]:
    column = array("q")
    column.frombytes(rest[place * 8 * total : (place + 1) * 8 * total])
    if byteorder != sys.byteorder:
        column.byteswap()
    return column


def said(error: errors.ZephyrError | None) -> dict[str, Any] | None:
    """An error as plain data, of which `error_of` makes it again."""
    if error is None:
        return None
    return {"kind": type(error).__name__, "message": error.message, "hint": error.hint, "details": error.details}


def error_of(said: dict[str, Any] | None) -> errors.ZephyrError | None:
    """The error that was said to be one; of a kind that is not known here, a plain one."""
    if said is None:
        return None
    named = getattr(errors, said["kind"], errors.ZephyrError) if said["kind"] in errors.__all__ else errors.ZephyrError
    kind: type[errors.ZephyrError] = named
    details: dict[str, Any] = said["details"]
    if issubclass(kind, errors.RequestError):
        status, error_type = details.get("status"), details.get("error_type")
        return kind(said["message"], status=status, error_type=error_type, hint=said["hint"])
    return kind(said["message"], hint=said["hint"], details=details)
