"""``zephyr-deploy redeploy``."""

from __future__ import annotations

from typing import Annotated

import typer

from zephyr_deploy.cli.gated import show_passed, show_refused
from zephyr_deploy.cli.lock import honoured, pinned
from zephyr_deploy.cli.machine import FirstUseOpt, HostKeyOpt, trust_of
from zephyr_deploy.cli.options import LockWaitOpt, NameArg, SkipHooksOpt, seconds
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.up import show_up
from zephyr_deploy.cli.verb import DEPLOY, verb
from zephyr_deploy.cli.wish import ImageOpt, LockedOpt, QuantizeOpt, RevisionOpt, TotalTokensOpt, UpgradeOpt
from zephyr_deploy.errors import GateError


@verb(
    panel=DEPLOY,
    examples=[
        ("zephyr-deploy redeploy", "Bring the machines to what zephyr.toml says now, without a failed request"),
        ("zephyr-deploy redeploy --upgrade", "The same with the newest image and model of those names"),
        ("zephyr-deploy redeploy --locked", "What zephyr.lock says, to the byte; nothing is looked up"),
        ("zephyr-deploy redeploy --fail-if 'ttft_p99>400ms' --fail-if 'errors>0'", "Take it back if it is too slow"),
        ("zephyr-deploy redeploy --lock-wait 15m --output json", "In a CI job"),
    ],
)
def redeploy(
    session: Session,
    name: NameArg = None,
    *,
    model: Annotated[str | None, typer.Option(help="Hugging Face id.")] = None,
    revision: RevisionOpt = None,
    image: ImageOpt = None,
    quantize: QuantizeOpt = None,
    max_total_tokens: TotalTokensOpt = None,
    upgrade: UpgradeOpt = False,
    locked: LockedOpt = False,
    gate: Annotated[
        bool | None,
        typer.Option(
            "--gate/--no-gate",
            help="Whether the release has to pass a gate, or else is taken back.  [default: where fail_if is set]",
        ),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            help="Gate, e.g. 'ttft_p99>400ms', or 'ttft_p50>+10%' against what served before; again for several."
        ),
    ] = None,
    slo: Annotated[str | None, typer.Option(help="Of the gate: what a good request meets, e.g. ttft=300ms.")] = None,
    gate_requests: Annotated[int | None, typer.Option(help="Of the gate: measured requests of each level.")] = None,
    timeout: Annotated[str, typer.Option(help="Longest wait for the model to answer.")] = "30m",
    lock_wait: LockWaitOpt = "0s",
    skip_hooks: SkipHooksOpt = False,
    host_key: HostKeyOpt = None,
    trust_on_first_use: FirstUseOpt = False,
) -> None:
    """Replace what serves by what is wanted now; change nothing if it is so already. A failed one leaves the old.

    With a gate the new release is asked on every route and measured once it serves. One that does not pass is taken
    back without a failed request, and the exit code is 8.
    """
    from zephyr_deploy.deploy.redeploy import redeploy as run
    from zephyr_deploy.deploy.rollout import RolloutOptions

    flags = {
        "name": name,
        "model.id": model,
        "model.revision": revision,
        "engine.image": image,
        "engine.quantize": quantize,
        "limits.max_total_tokens": max_total_tokens,
        "gate.fail_if": _read(fail_if),
        "gate.slo": slo,
        "gate.requests": gate_requests,
    }
    loaded = session.load(flags)
    deployment = loaded.deployment
    options = RolloutOptions(
        trust=pinned(trust_of(host_key, first_use=trust_on_first_use), loaded),
        prepare=False,
        gate=gate,
        upgrade=upgrade,
        locked=honoured(loaded, locked=locked, upgrade=upgrade),
        lock_wait_s=seconds(lock_wait),
        ready_deadline_s=seconds(timeout),
    )
    try:
        with session.surrounding(deployment, skip_hooks=skip_hooks), session.out.listening() as listener:
            result = run(deployment, options, listener)
    except GateError as error:
        show_refused(session, error)
        raise
    show_up(session, result)
    show_passed(session, result)


def _read(fail_if: list[str] | None) -> list[str] | None:
    """The texts of gates, each of which can be read.

    Raises:
        UsageError: one cannot.
    """
    if not fail_if:
        return None
    from zephyr_deploy.bench import change, gate

    for text in fail_if:
        (change if change.is_change(text) else gate).parse(text)
    return fail_if
