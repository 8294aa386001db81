"""``zephyr-deploy calibrate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.deploy.calibrate import CalibrateResult
    from zephyr_deploy.plan.learned import Compared
    from zephyr_deploy.plan.speed.prediction import Estimate

COLUMNS = ("FIGURE", "AT ONCE", "TOKENS", "BEFORE", "MEASURED", "AFTER")
FIGURES = {"ttft": "TTFT ms", "itl": "ITL ms", "throughput": "tokens/s"}
CONSTANTS = {
    "bandwidth_use": "memory bandwidth used",
    "kv_use": "bandwidth used for the KV cache",
    "compute_use": "compute used",
    "host_s": "time of a step outside the GPU",
    "sequence_s": "time of a request in a step outside the GPU",
    "first_s": "time to a request's first step",
    "reduce_s": "latency of a sum across GPUs",
}
"""By the field of `zephyr_deploy.plan.speed.correction.Correction`."""
UNMOVED = 0.02
INTERRUPTED = 130


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy calibrate", "Probe the engine for a minute; the next plan is corrected by it"),
        ("zephyr-deploy calibrate chat --anyway", "The same beside the requests of others"),
    ],
)
def calibrate(
    session: Session,
    name: NameArg = None,
    *,
    anyway: Annotated[bool, typer.Option("--anyway", help="Measure also while others use the endpoint.")] = False,
) -> None:
    """Measure a deployment on a GPU for about a minute, and correct the plans for its model, GPU and engine by it.

    Ctrl-C ends it early and keeps what was measured until then.
    """
    from zephyr_deploy.deploy.calibrate import calibrate as run

    with session.out.listening() as listener:
        found = run(session.name(name), listener, anyway=anyway)
    _show(session, found)
    if found.stopped:
        raise typer.Exit(INTERRUPTED)


def _show(session: Session, found: CalibrateResult) -> None:
    out = session.out
    out.result(
        "calibrate",
        found,
        table=lambda: out.grid(COLUMNS, [_row(one) for one in found.compared]),
        quiet=(f"{one.point.kind} {one.point.concurrency} {one.point.value:.4g}" for one in found.compared),
    )
    out.note(f"The network's {found.network_ms:.3g} ms are taken off each TTFT.")
    for words in _moved(found):
        out.note(words)
    for refused in found.refused:
        out.warn(f"Not learned from: {refused.why}.")
    for note in found.notes:
        out.warn(note)
    served = found.served
    what = f"{served.model} ({served.weights}) on {served.shards} x {served.gpu} under {served.engine}"
    out.note(f"Plans for {what} are corrected by this from now on; zephyr-deploy plan --no-calibration ignores it.")


def _row(one: Compared) -> tuple[str, ...]:
    point = one.point
    return (
        FIGURES[point.kind],
        str(point.concurrency),
        f"{point.input_tokens} + {point.output_tokens}",
        _range(one.before),
        f"{point.value:.3g}",
        _range(one.after),
    )


def _range(found: Estimate) -> str:
    return f"{found.value:.3g} ({found.low:.3g}-{found.high:.3g})"


def _moved(found: CalibrateResult) -> Iterator[str]:
    """What is different of this card and engine, by the constants that have moved."""
    moved = [
        f"{words} x {times:.2f}"
        for field, words in CONSTANTS.items()
        if abs((times := getattr(found.correction, field)) - 1) > UNMOVED
    ]
    yield f"Against published measurements: {', '.join(moved)}." if moved else "As published measurements say."
