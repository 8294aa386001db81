"""``zephyr-deploy rollback``."""

from __future__ import annotations

from typing import Annotated

import typer

from zephyr_deploy.cli.options import LockWaitOpt, NameArg, SkipHooksOpt, seconds
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import DEPLOY, verb


@verb(
    panel=DEPLOY,
    examples=[
        ("zephyr-deploy rollback", "Back to the release that served before this one"),
        ("zephyr-deploy rollback --to 1f6a0c2b9d3e", "Back to a release that `zephyr-deploy releases` lists"),
    ],
)
def rollback(
    session: Session,
    name: NameArg = None,
    to: Annotated[str | None, typer.Option(help="Id of a release; unset: the last good one before this.")] = None,
    lock_wait: LockWaitOpt = "0s",
    *,
    skip_hooks: SkipHooksOpt = False,
) -> None:
    """Let an earlier release serve again; one that does not start leaves what serves now."""
    from zephyr_deploy.deploy.redeploy import rollback as run

    with session.surrounding(skip_hooks=skip_hooks), session.out.listening() as listener:
        result = run(session.name(name), release=to, listener=listener, lock_wait_s=seconds(lock_wait))
    session.out.timing_table(result.phases)
    rows = [
        ("deployment", result.services[0].name),
        ("release", result.release),
        ("before", result.before),
        *((service.host or "", f"{service.state} {service.detail}".strip()) for service in result.services),
    ]
    session.out.result("rollback", result, table=lambda: session.out.facts(rows), quiet=result.release)
