"""``zephyr-deploy bench``."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from zephyr_deploy.cli.address import ApiKeyEnvOpt, UrlOpt, endpoint_for
from zephyr_deploy.cli.benched import show
from zephyr_deploy.cli.loads import Arrivals, Swept, loads
from zephyr_deploy.cli.options import NameArg, seconds
from zephyr_deploy.cli.prompt_options import (
    IgnoreEosOpt,
    MaxNewTokensOpt,
    PromptsOpt,
    PromptTokensOpt,
    SharedPrefixOpt,
    TokenizerOpt,
    TurnsOpt,
)
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb
from zephyr_deploy.cli.written import CsvOpt, Files
from zephyr_deploy.errors import UnhealthyError, UsageError, ZephyrError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.drivers import Driving
    from zephyr_deploy.bench.report import BenchReport
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.deploy.served import Running
    from zephyr_deploy.endpoint.types import Endpoint

INTERRUPTED = 130

Client = Literal["openai", "completions", "native", "tgi"]


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy bench", "Measure the endpoint with 1 and with 4 requests at once"),
        ("zephyr-deploy bench --concurrency 1,4,16 --duration 30s", "Three levels of half a minute"),
        ("zephyr-deploy bench --rate 5,10,20", "By the clock, 5, 10 and 20 a second, as users come"),
        ("zephyr-deploy bench --slo ttft=300ms,itl=40ms --fail-if 'goodput<99%'", "How many users are served well"),
        ("zephyr-deploy bench --sweep concurrency", "Twice as many at once until the server does no more"),
        ("zephyr-deploy bench --fail-if 'ttft_p99>400ms' --fail-if 'errors>0'", "Exit with 8 if it is worse"),
        ("zephyr-deploy bench --client tgi --save before.json", "Through the text-generation client; keep the report"),
        ("zephyr-deploy bench --concurrency 1,4,16,64 --report bench.html", "As one page that can be sent to others"),
    ],
)
def bench(
    session: Session,
    name: NameArg = None,
    *,
    concurrency: Annotated[
        str | None, typer.Option(help="Requests at once, one level each, e.g. 1,4,16.  [default: 1,4]")
    ] = None,
    rate: Annotated[
        str | None, typer.Option(help="Or: requests a second, sent whether or not others are answered, e.g. 5,10,20.")
    ] = None,
    arrivals: Annotated[
        Arrivals | None, typer.Option(help="How those come: evenly, at random, or in bursts.  [default: poisson]")
    ] = None,
    burstiness: Annotated[
        float | None, typer.Option(help="Of bursty arrivals, the shape of the gamma distribution: less is burstier.")
    ] = None,
    ramp: Annotated[str | None, typer.Option(help="Or: a rate that grows evenly, e.g. 1..20.")] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Or: the times and lengths of this trace (Azure's CSV, Mooncake's JSON lines).")
    ] = None,
    trace_speed: Annotated[float | None, typer.Option(help="2: twice as fast as it was recorded.")] = None,
    sweep: Annotated[
        Swept | None, typer.Option(help="Or: 1, 2, 4… at once, or a second, until the server does no more.")
    ] = None,
    sweep_until: Annotated[
        float | None, typer.Option(help="The most of them.  [default: 512 at once, 1000 a second]")
    ] = None,
    max_in_flight: Annotated[
        int, typer.Option(help="Requests by the clock (--rate, --ramp, --trace) that may be under way; more wait.")
    ] = 4096,
    requests: Annotated[int | None, typer.Option(help="Measured requests of each level.")] = None,
    duration: Annotated[str | None, typer.Option(help="Or: how long each level starts requests, e.g. 30s.")] = None,
    warmup: Annotated[
        int | None,
        typer.Option(help="Unmeasured requests before each level; unset: as many as at once, or of 2 seconds."),
    ] = None,
    max_new_tokens: MaxNewTokensOpt = "64",
    prompt_tokens: PromptTokensOpt = "128",
    prompts: PromptsOpt = None,
    shared_prefix: SharedPrefixOpt = 0.0,
    turns: TurnsOpt = 1,
    ignore_eos: IgnoreEosOpt = False,
    tokenizer: TokenizerOpt = None,
    client: Annotated[
        Client,
        typer.Option(
            help="openai: chat; completions: OpenAI's text completions; native: TGI's own stream; "
            "tgi: that by the text-generation client."
        ),
    ] = "openai",
    seed: Annotated[int, typer.Option(help="Same seed, same prompts.")] = 0,
    deadline: Annotated[str, typer.Option(help="Longest time for one request, e.g. 2m.")] = "2m",
    url: UrlOpt = None,
    api_key_env: ApiKeyEnvOpt = None,
    price_per_hour: Annotated[float | None, typer.Option(help="Price in USD an hour, for the price per token.")] = None,
    processes: Annotated[
        int | None, typer.Option(help="Processes that drive the load; unset: as many as it takes.")
    ] = None,
    on_node: Annotated[
        bool,
        typer.Option("--on-node", help="Send the requests from the machine that serves."),
    ] = False,
    no_priority: Annotated[
        bool, typer.Option("--no-priority", help="Do not go ahead of other processes, where this user may.")
    ] = False,
    save: Annotated[Path | None, typer.Option(help="Write the report to this file, as JSON.")] = None,
    page: Annotated[Path | None, typer.Option("--report", help="Write it to this file, as a page with charts.")] = None,
    csv: CsvOpt = None,
    slo: Annotated[
        str | None, typer.Option(help="What a good request meets, for goodput, e.g. ttft=300ms,itl=40ms,e2e=5s.")
    ] = None,
    fail_if: Annotated[list[str] | None, typer.Option(help="Gate, e.g. 'ttft_p99>400ms'; may be repeated.")] = None,
    no_server_metrics: Annotated[
        bool, typer.Option("--no-server-metrics", help="Do not ask the server for its own figures meanwhile.")
    ] = False,
    allow_bottleneck: Annotated[
        bool, typer.Option("--allow-bottleneck", help="Do not exit with 8 because this machine held the load up.")
    ] = False,
    no_learn: Annotated[bool, typer.Option("--no-learn", help="Do not correct later plans by these figures.")] = False,
) -> None:
    """Measure time to first token, time per token and throughput; the exit code is 8 if a gate fails.

    A deployment on a GPU is held against its plan, and the next plan for the same model, GPU and engine is corrected
    by the figures.
    """
    from zephyr_deploy.bench.gate import judge, parse, refuse_bottleneck, refuse_without_slo
    from zephyr_deploy.bench.run import bench as measure
    from zephyr_deploy.bench.slo import parse as parse_slo
    from zephyr_deploy.deploy.watched import watched

    gates = [parse(text) for text in fail_if or ()]
    objective = None if slo is None else parse_slo(slo)
    refuse_without_slo(gates, objective)
    spec = _spec(
        **loads(
            sweep=sweep,
            sweep_until=sweep_until,
            concurrency=concurrency,
            rate=rate,
            arrivals=arrivals,
            burstiness=burstiness,
            ramp=ramp,
            trace=trace,
            trace_speed=trace_speed,
        ),
        max_in_flight=max_in_flight,
        requests=requests,
        duration_s=None if duration is None else seconds(duration),
        warmup=warmup,
        max_new_tokens=max_new_tokens,
        prompt_tokens=prompt_tokens,
        prompts_file=prompts,
        shared_prefix=shared_prefix,
        turns=turns,
        ignore_eos=ignore_eos,
        tokenizer=tokenizer,
        client=client,
        seed=seed,
        deadline_s=seconds(deadline),
        slo=objective,
        price_per_hour_usd=price_per_hour,
        processes=processes,
        priority=not no_priority,
    )
    files = Files(save, page, csv)
    files.check()
    if on_node and url is not None:
        message = "--on-node is for deployments, whose machines are known here; --url names none."
        raise UsageError(message, hint="zephyr-deploy bench NAME --on-node")
    with endpoint_for(session, name, url, api_key_env) as endpoint:
        with watched(endpoint, metrics=not no_server_metrics) as watch, session.out.listening() as listener:
            with _place(endpoint, spec, on_node=on_node) as drivers:
                report = measure(endpoint, spec, listener, witnesses=watch.witnesses, drivers=drivers)
            report = report.model_copy(update={"environment": watch.environment()})
        for note in watch.notes:
            session.out.warn(note)
    report, running = _beside_plan(session, report)
    show(session, report)
    unsaved = files.write(report, session.out)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    _keep(session, report)
    if running is not None and not no_learn:
        _learn(session, report, running)
    judge(report, gates)
    _refuse_if_nothing_worked(report)
    if not allow_bottleneck:
        refuse_bottleneck(report)
    if report.partial:
        raise UnhealthyError(report.partial, hint="zephyr-deploy status")
    if unsaved is not None:
        raise unsaved


@contextmanager
def _place(endpoint: Endpoint, spec: BenchSpec, *, on_node: bool) -> Iterator[Driving | None]:
    """Who drives the load; None: this machine."""
    if not on_node:
        yield None
        return
    from zephyr_deploy.deploy.from_node import from_node

    with from_node(endpoint, spec) as drivers:
        yield drivers


def _keep(session: Session, report: BenchReport) -> None:
    """Here and with its release, where it is of a deployment; that this fails spoils no measurement."""
    if report.target.release is None:
        return
    from zephyr_deploy.deploy.kept import keep_report
    from zephyr_deploy.deploy.measured import keep

    try:
        keep_report(report)
    except ZephyrError as error:
        session.out.warn(f"`history` and `compare` will not know this benchmark: {error.message}")
    try:
        if not keep(report):
            session.out.warn("`releases` will not show these figures: the release was replaced meanwhile.")
    except ZephyrError as error:
        session.out.warn(f"`releases` will not show these figures: {error.message}")


def _beside_plan(session: Session, report: BenchReport) -> tuple[BenchReport, Running | None]:
    """With what was planned, where that can be known; that it cannot spoils no measurement."""
    if report.target.release is None:
        return report, None
    from zephyr_deploy.deploy.served import what_serves

    try:
        running = what_serves(report.target.name)
    except ZephyrError as error:
        session.out.warn(f"What was planned is not shown: {error.message}")
        return report, None
    if running is None or running.release != report.target.release:
        return report, None
    from zephyr_deploy.deploy.compared import beside_plan

    return beside_plan(report, running), running


def _learn(session: Session, report: BenchReport, running: Running) -> None:
    from zephyr_deploy.deploy.compared import learn_from

    try:
        found = learn_from(report, running)
    except ZephyrError as error:
        session.out.warn(f"Later plans will not know these figures: {error.message}")
        return
    if found is not None:
        session.out.note(f"Plans for {running.served.gpu} are corrected by these figures; see --no-learn.")


def _spec(**values: Any) -> BenchSpec:
    from pydantic import ValidationError

    from zephyr_deploy.bench.spec import BenchSpec

    try:
        return BenchSpec(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"{where}: {first['msg']}" if where else first["msg"]
        raise UsageError(f"This cannot be measured: {message}.", hint="zephyr-deploy bench --help") from None


def _refuse_if_nothing_worked(report: BenchReport) -> None:
    if not any(level.succeeded for level in report.levels):
        raise UnhealthyError("Not one request was answered.", hint="zephyr-deploy status")
