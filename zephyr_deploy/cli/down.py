"""``zephyr-deploy down``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.options import LockWaitOpt, NameArg, SkipHooksOpt, seconds
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import DEPLOY, verb

if TYPE_CHECKING:
    from zephyr_deploy.providers.base import Service


@verb(
    panel=DEPLOY,
    examples=[
        ("zephyr-deploy down", "Stop the endpoint and delete its state; keep the downloaded model"),
        ("zephyr-deploy down --purge", "Leave nothing behind"),
        ("zephyr-deploy down --forget", "Its machine was deleted by other means: forget it"),
    ],
)
def down(
    session: Session,
    name: NameArg = None,
    *,
    purge: Annotated[
        bool,
        typer.Option("--purge", help="Delete its benchmarks and audit log here, and models unless a deployment runs."),
    ] = False,
    grace: Annotated[str, typer.Option(help="How long running requests may take to end.")] = "30s",
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget machines that cannot be reached: they are gone for good.")
    ] = False,
    lock_wait: LockWaitOpt = "0s",
    skip_hooks: SkipHooksOpt = False,
) -> None:
    """Stop the endpoint, wait until it is gone, and say what was taken away. Twice is fine."""
    from zephyr_deploy.deploy import down as verbs

    target = session.name(name)
    with session.surrounding(skip_hooks=skip_hooks), session.out.listening() as listener:
        result = verbs.down(
            target,
            purge=purge,
            grace_s=seconds(grace),
            listener=listener,
            lock_wait_s=seconds(lock_wait),
            forget=forget,
        )
    rows = [
        ("deployment", result.name),
        *(("stopped", _stopped(service)) for service in result.stopped),
        *(("removed", line) for line in result.removed),
        *(("kept", line) for line in result.kept),
        ("cost", f"${result.cost_usd:.2f}"),
    ]
    session.out.result("down", result, table=lambda: session.out.facts(rows), quiet=result.name)
    if result.kept and not purge and not forget:
        session.out.hint("zephyr-deploy down --purge deletes the downloaded models.")


def _stopped(service: Service) -> str:
    return f"{service.model_id} on {service.host}" if service.host else f"pid {service.pid}, {service.model_id}"
