"""``zephyr-deploy redeploy``."""

from __future__ import annotations

from typing import Annotated

import typer

from zephyr_deploy.cli.lock import honoured
from zephyr_deploy.cli.machine import FirstUseOpt, HostKeyOpt, trust_of
from zephyr_deploy.cli.options import LockWaitOpt, NameArg, SkipHooksOpt, seconds
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.up import show_up
from zephyr_deploy.cli.verb import DEPLOY, verb
from zephyr_deploy.cli.wish import ImageOpt, LockedOpt, QuantizeOpt, RevisionOpt, TotalTokensOpt, UpgradeOpt


@verb(
    panel=DEPLOY,
    examples=[
        ("zephyr-deploy redeploy", "Bring the machines to what zephyr.toml says now, without a failed request"),
        ("zephyr-deploy redeploy --upgrade", "The same with the newest image and model of those names"),
        ("zephyr-deploy redeploy --locked", "What zephyr.lock says, to the byte; nothing is looked up"),
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
    timeout: Annotated[str, typer.Option(help="Longest wait for the model to answer.")] = "30m",
    lock_wait: LockWaitOpt = "0s",
    skip_hooks: SkipHooksOpt = False,
    host_key: HostKeyOpt = None,
    trust_on_first_use: FirstUseOpt = False,
) -> None:
    """Replace what serves by what is wanted now; change nothing if it is so already. A failed one leaves the old."""
    from zephyr_deploy.deploy.redeploy import redeploy as run
    from zephyr_deploy.deploy.rollout import RolloutOptions

    flags = {
        "name": name,
        "model.id": model,
        "model.revision": revision,
        "engine.image": image,
        "engine.quantize": quantize,
        "limits.max_total_tokens": max_total_tokens,
    }
    loaded = session.load(flags)
    deployment = loaded.deployment
    options = RolloutOptions(
        trust=trust_of(host_key, first_use=trust_on_first_use),
        prepare=False,
        upgrade=upgrade,
        locked=honoured(loaded, locked=locked, upgrade=upgrade),
        lock_wait_s=seconds(lock_wait),
        ready_deadline_s=seconds(timeout),
    )
    with session.surrounding(skip_hooks=skip_hooks), session.out.listening() as listener:
        result = run(deployment, options, listener)
    show_up(session, result)
