"""``zephyr-deploy plan``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb
from zephyr_deploy.cli.wish import (
    GpuOpt,
    GpusOpt,
    MaxPriceOpt,
    ModelOpt,
    ProviderOpt,
    QuantizeOpt,
    RegionOpt,
    RevisionOpt,
    SpotOpt,
    TotalTokensOpt,
)
from zephyr_deploy.errors import CapacityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from zephyr_deploy.cli.asked import Asked
    from zephyr_deploy.deploy.planning import Known
    from zephyr_deploy.plan.choice.outcome import PlanResult
    from zephyr_deploy.spec.deployment import Deployment

SHOWN = 12
INPUT_TOKENS, OUTPUT_TOKENS = 512, 128
LOOKED_UP = {"model.id", "model.revision", "model.file", "provider", "machine.region", "machine.spot"}
"""Settings by which model and prices are looked up."""


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy plan --gpu l4", "Does it fit, with which settings, how fast, for how much"),
        ("zephyr-deploy plan --ttft 300ms --itl 40ms --concurrency 32", "The cheapest GPU that is so fast"),
        ("zephyr-deploy plan --gpu l4 --what-if engine.quantize=fp8 --explain", "What a setting changes, and why"),
        ("zephyr-deploy plan --gpu a100-80 --rate 5/s --html plan.html", "Under five requests a second; as a page"),
        ("zephyr-deploy plan --gpu l4 --calibrate results/*.json", "Corrected by what benchmarks have found"),
        ("zephyr-deploy plan --gpu l4 --output json", "All of it, for a script"),
    ],
)
def plan(
    session: Session,
    reports: Annotated[list[Path] | None, typer.Argument(help="More reports, after --calibrate.")] = None,
    *,
    model: ModelOpt = None,
    revision: RevisionOpt = None,
    gpu: GpuOpt = None,
    gpus: GpusOpt = None,
    provider: ProviderOpt = None,
    region: RegionOpt = None,
    spot: SpotOpt = False,
    engine: Annotated[str | None, typer.Option(help="Server to plan for: tgi, vllm or sglang.")] = None,
    quantize: QuantizeOpt = None,
    max_total_tokens: TotalTokensOpt = None,
    max_price: MaxPriceOpt = None,
    input_tokens: Annotated[int, typer.Option(min=1, help="Tokens of a prompt.")] = INPUT_TOKENS,
    output_tokens: Annotated[int, typer.Option(min=1, help="Tokens of an answer.")] = OUTPUT_TOKENS,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Requests at a time.  [default: 1]")] = None,
    rate: Annotated[str | None, typer.Option(help="Requests by time instead, e.g. 5/s or 90/m.")] = None,
    ttft: Annotated[str | None, typer.Option(help="Time to first token, at most, e.g. 300ms.")] = None,
    itl: Annotated[str | None, typer.Option(help="Time between tokens, at most, e.g. 40ms.")] = None,
    percentile: Annotated[str, typer.Option(help="Of requests, for both: mean, p50, p90 or p99.")] = "p50",
    what_if: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE of any setting: show before and after; repeatable.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Why each setting, and where the time goes.")] = False,
    plot: Annotated[bool, typer.Option("--plot", help="Draw throughput against latency.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with the plot into this file, too.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the hub for the model.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Ask clouds for prices, instead of dated tables.")] = False,
    calibrate: Annotated[
        Path | None, typer.Option(help="Heed this report of bench, and those named behind it.")
    ] = None,
    no_calibration: Annotated[
        bool, typer.Option("--no-calibration", help="Heed nothing that calibrate and bench have kept here.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many others a table shows at most.")] = SHOWN,
) -> None:
    """Say what fits, how fast it will be and what it costs, before anything exists; or choose the cheapest.

    With --gpu that card is looked at. Without, the cheapest way to be as fast as asked is chosen among GPUs, counts,
    quantizations and engines. Figures are predictions; their range holds four of five measurements.
    """
    from zephyr_deploy.cli.asked import Asked
    from zephyr_deploy.cli.whatif import changes, exchange

    flags: dict[str, object] = {
        "model.id": model,
        "model.revision": revision,
        "machine.gpu": gpu,
        "machine.gpus": gpus,
        "machine.region": region,
        "machine.spot": spot or None,
        "provider": provider,
        "engine.name": engine,
        "engine.quantize": quantize,
        "limits.max_total_tokens": max_total_tokens,
        "cost.max_hourly_usd": max_price,
    }
    asked = Asked(input_tokens, output_tokens, concurrency, rate, ttft, itl, percentile)
    settings, others = changes(what_if or ())
    look = _look(calibrate, reports, offline=offline, live=live, learned=not no_calibration)
    result, known = _estimated(session, flags, asked, look)
    if what_if:
        again = known if settings.keys().isdisjoint(LOOKED_UP) else None
        after, _ = _estimated(session, {**flags, **settings}, exchange(asked, others), look, again)
        result = result.model_copy(update={"what_if": after, "changes": tuple(what_if)})
    if explain or html is not None:
        from zephyr_deploy.deploy.planning import explained

        result = explained(result)
    _show(session, result, limit=limit, explain=explain, plot=plot, html=html)
    _end(session, result, flags)


def _look(
    calibrate: Path | None, reports: list[Path] | None, *, offline: bool, live: bool, learned: bool
) -> Callable[[Deployment], Known]:
    """How model, prices and measurements are looked up.

    Raises:
        UsageError: reports are named without ``--calibrate``.
        ConfigError: one of them is none.
    """
    from zephyr_deploy.deploy.planning import look_up
    from zephyr_deploy.deploy.reports import read_reports

    if reports and calibrate is None:
        raise UsageError(f"plan takes no {reports[0]}.", hint="Reports of bench go with --calibrate.")
    found = read_reports((calibrate, *(reports or ()))) if calibrate else ()
    return partial(look_up, offline=offline, live=live, learned=learned, reports=found)


def _estimated(
    session: Session,
    flags: Mapping[str, object],
    asked: Asked,
    look: Callable[[Deployment], Known],
    known: Known | None = None,
) -> tuple[PlanResult, Known]:
    from zephyr_deploy.deploy.planning import estimate_of

    workload, slo = asked.workload(), asked.slo()
    deployment = session.load(flags).deployment
    found = known or look(deployment)
    return estimate_of(deployment, found, workload, slo), found


def _show(session: Session, result: PlanResult, *, limit: int, explain: bool, plot: bool, html: Path | None) -> None:
    from zephyr_deploy.cli.drawn import drawn
    from zephyr_deploy.cli.page import write_page
    from zephyr_deploy.cli.planned import asked_line

    if html is not None:
        write_page(result, html)
    session.out.result(
        "plan",
        result,
        table=lambda: drawn(result, limit=limit, explain=explain, with_plot=plot),
        quiet=_quiet(result),
    )
    session.out.note(asked_line(result.workload, result.slo))
    for note in (*result.notes, *(result.outlook.notes if result.outlook else ())):
        session.out.note(note)
    if html is not None:
        session.out.note(f"The page is in {html}.")


def _quiet(result: PlanResult) -> Iterator[str]:
    if result.outlook:
        setup, price = result.outlook.advice.setup, result.outlook.price
        cost = f" {price.usd_per_hour:.4f}" if price else ""
        yield f"{setup.gpu.key} {setup.shards} {setup.engine} {setup.weights}{cost}"


def _end(session: Session, result: PlanResult, flags: Mapping[str, object]) -> None:
    """With the code of no capacity, where nothing fits or nothing is fast enough; else with what to type next."""
    from zephyr_deploy.cli.upcommand import up_command

    outlook = result.outlook
    if outlook is None or outlook.missing_bytes or outlook.meets is False:
        raise typer.Exit(CapacityError.exit_code)
    following = up_command(outlook, flags)
    if following:
        session.out.hint(following)
