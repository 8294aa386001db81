"""``zephyr-deploy up``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.agree import agreement
from zephyr_deploy.cli.keep import keep, require_cloud
from zephyr_deploy.cli.lock import honoured, pinned
from zephyr_deploy.cli.machine import (
    FirstUseOpt,
    GatewayOpt,
    HostKeyOpt,
    HostsOpt,
    IdentityOpt,
    SshPortOpt,
    UserOpt,
    machine_flags,
    trust_of,
)
from zephyr_deploy.cli.options import LockWaitOpt, NameArg, SkipHooksOpt, seconds
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import DEPLOY, verb
from zephyr_deploy.cli.wish import (
    BudgetOpt,
    ExposeOpt,
    GpuOpt,
    GpusOpt,
    IdleOpt,
    ImageOpt,
    KeepAliveOpt,
    LockedOpt,
    MaxPriceOpt,
    ModelOpt,
    ProviderOpt,
    QuantizeOpt,
    RegionOpt,
    RevisionOpt,
    SpotOpt,
    TotalTokensOpt,
    TtlOpt,
    UpgradeOpt,
    cost_flags,
    expose_flags,
)
from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from zephyr_deploy.deploy.results import UpResult
    from zephyr_deploy.events import Listener
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.spec.deployment import Deployment


@verb(
    panel=DEPLOY,
    examples=[
        ("zephyr-deploy up", "Serve the stand-in model on this machine"),
        ("zephyr-deploy up --model ./mistral-7b.Q4_K_M.gguf --port 0", "Serve a GGUF file on any free port"),
        (
            "zephyr-deploy up --provider aws --gpu l4 --spot --keep-alive",
            "Cheaper, and replaced when AWS takes it back",
        ),
        ("zephyr-deploy up --dry-run --output json", "Show what would be done, as JSON"),
    ],
)
def up(
    session: Session,
    name: NameArg = None,
    *,
    provider: ProviderOpt = None,
    model: ModelOpt = None,
    file: Annotated[str | None, typer.Option(help="Which GGUF file of the repository.")] = None,
    revision: RevisionOpt = None,
    host: HostsOpt = None,
    gateway: GatewayOpt = None,
    user: UserOpt = None,
    ssh_port: SshPortOpt = None,
    identity: IdentityOpt = None,
    host_key: HostKeyOpt = None,
    trust_on_first_use: FirstUseOpt = False,
    gpu: GpuOpt = None,
    gpus: GpusOpt = None,
    region: RegionOpt = None,
    spot: SpotOpt = False,
    keep_alive: KeepAliveOpt = False,
    engine: Annotated[str | None, typer.Option(help="Server to run: tgi, vllm or sglang; here: llamacpp.")] = None,
    image: ImageOpt = None,
    quantize: QuantizeOpt = None,
    port: Annotated[int | None, typer.Option(help="Port on the loopback interface; 0 takes a free one.")] = None,
    parallel: Annotated[int | None, typer.Option(help="Requests computed at once.")] = None,
    threads: Annotated[int | None, typer.Option(help="Processor threads of the engine.")] = None,
    max_total_tokens: TotalTokensOpt = None,
    expose: ExposeOpt = None,
    ttl: TtlOpt = None,
    idle: IdleOpt = None,
    max_price: MaxPriceOpt = None,
    budget: BudgetOpt = None,
    prepare: Annotated[bool, typer.Option(help="Whether a host that lacks something may be prepared.")] = True,
    prepare_var: Annotated[
        list[str] | None,
        typer.Option(help="Setting of the playbook that prepares it, as KEY=VALUE; again for several."),
    ] = None,
    upgrade: UpgradeOpt = False,
    locked: LockedOpt = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")] = False,
    timeout: Annotated[
        str | None, typer.Option(help="Longest wait for the model to answer; 5m here, 30m elsewhere.")
    ] = None,
    lock_wait: LockWaitOpt = "0s",
    skip_hooks: SkipHooksOpt = False,
) -> None:
    """Bring the endpoint to what zephyr.toml and the flags say; change nothing if it is so already."""
    flags = {
        "name": name,
        "provider": provider,
        "model.id": model,
        "model.file": file,
        "model.revision": revision,
        "machine.gpu": gpu,
        "machine.gpus": gpus,
        "machine.region": region,
        "machine.spot": spot or None,
        "engine.name": engine,
        "engine.image": image,
        "engine.quantize": quantize,
        **machine_flags(host, gateway, user, ssh_port, identity),
        **expose_flags(expose),
        **cost_flags(ttl, idle, max_price, budget),
        "access.port": port,
        "limits.parallel": parallel,
        "limits.max_total_tokens": max_total_tokens,
        "machine.threads": threads,
        "machine.prepare": shlex.join(prepare_var) if prepare_var else None,
    }
    loaded = session.load(flags)
    deployment = loaded.deployment
    from zephyr_deploy.deploy import up as verbs
    from zephyr_deploy.deploy.rollout import RolloutOptions

    if dry_run and locked:
        raise UsageError("--dry-run shows no lock.", hint="zephyr-deploy lock --check")
    keeping = honoured(loaded, locked=locked, upgrade=upgrade)
    if dry_run:
        _show_plan(session, verbs.plan_of(deployment))
        return
    options = RolloutOptions(
        trust=pinned(trust_of(host_key, first_use=trust_on_first_use), loaded),
        prepare=prepare,
        upgrade=upgrade,
        locked=keeping,
        agree=agreement(session),
    )
    wait_s, ready_s = seconds(lock_wait), seconds(timeout) if timeout else None

    def bring(wanted: Deployment, options: RolloutOptions, listener: Listener) -> UpResult:
        return verbs.up(
            wanted, listener=listener, lock_wait_s=wait_s, ready_deadline_s=ready_s, rollout_options=options
        )

    with session.surrounding(deployment, skip_hooks=skip_hooks):
        with session.out.listening() as listener:
            if keep_alive:
                placed = keeping.placed(deployment) if keeping else deployment
                deployment = require_cloud(verbs.with_provider(placed, listener))
            result = bring(deployment, options, listener)
        show_up(session, result)
        if keep_alive:
            keep(session, deployment, options, bring)


def _show_plan(session: Session, plan: Plan) -> None:
    session.out.result("plan", plan, table=lambda: session.out.facts(plan_rows(plan)), quiet=plan.serve.model_id)


def plan_rows(plan: Plan) -> list[tuple[str, str]]:
    """The plan in rows of a name and a value."""
    source = " ".join(part for part in (plan.source.kind, plan.source.location, plan.source.file or "") if part)
    return [
        ("deployment", plan.deployment.name),
        ("provider", plan.deployment.provider),
        ("engine", plan.engine),
        ("model", plan.serve.model_id),
        ("from", source),
        ("tokens", f"{plan.serve.max_input_tokens} in, {plan.serve.max_total_tokens} in and out"),
        ("at once", f"{plan.parallel} computed, {plan.serve.max_concurrent_requests} accepted"),
        ("threads", str(plan.threads)),
        ("price", f"${plan.price_per_hour_usd} an hour"),
        *(("note", note) for note in plan.notes),
    ]


def show_up(session: Session, result: UpResult) -> None:
    """Print what a rollout brought about."""
    out, service = session.out, result.service
    out.timing_table(result.phases)
    if not result.changed:
        out.note(f"{service.name} was so already; nothing changed.")
    rows = [
        ("deployment", service.name),
        ("state", service.state),
        ("endpoint", service.url),
        *((("public", service.public_url),) if service.public_url else ()),
        ("model", service.model_id),
        ("release", result.release),
        ("price", f"${service.price_per_hour_usd:.2f} an hour"),
    ]
    out.result("up", result, table=lambda: out.facts(rows), quiet=service.url)
    out.hint('zephyr-deploy chat "What is the capital of Japan?"')
