"""``zephyr-deploy lock``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.lock_held import release, show
from zephyr_deploy.cli.machine import FirstUseOpt, HostKeyOpt, trust_of
from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import DEPLOY, verb
from zephyr_deploy.cli.wish import UpgradeOpt
from zephyr_deploy.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zephyr_deploy.deploy.honoured import Honoured
    from zephyr_deploy.deploy.locked import LockResult
    from zephyr_deploy.node.hostkeys import Trust
    from zephyr_deploy.spec.load import Loaded

__all__ = ["release", "show", "write"]

DIGEST, SHOWN = "sha256:", 19
"""Of a digest, people are shown so many letters, ``sha256:`` among them."""


@verb(
    panel=DEPLOY,
    examples=[
        ("zephyr-deploy lock", "Write zephyr.lock: image, model, release and machines as they are now"),
        ("zephyr-deploy lock --upgrade", "The same with the newest image and model of those names; show what is new"),
        ("zephyr-deploy lock --check", "In a CI job: exit with 3 if zephyr.toml asks for something else"),
    ],
)
def write(
    session: Session,
    name: NameArg = None,
    *,
    upgrade: UpgradeOpt = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether zephyr.toml and the lock are of one another; ask nobody.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change and write nothing.")] = False,
    host_key: HostKeyOpt = None,
    trust_on_first_use: FirstUseOpt = False,
) -> None:
    """Write down what the deployment is made of, for `redeploy --locked`; what serves goes before what is newest."""
    if check and (upgrade or dry_run):
        raise UsageError("--check writes nothing and looks nothing up.", hint="zephyr-deploy lock --check")
    loaded = session.load({"name": name})
    from zephyr_deploy.deploy import locked

    path = path_of(loaded)
    if check:
        found = locked.check(loaded.deployment, path)
        said = f"{path.name} is the lock of what is wanted: release {found.release}."
        session.out.result("lock.check", {"path": path, "lock": found}, table=lambda: said, quiet=found.release)
        return
    trust = _trust(trust_of(host_key, first_use=trust_on_first_use), loaded)
    with session.out.listening() as listener:
        result = locked.lock(loaded.deployment, path, upgrade=upgrade, dry_run=dry_run, trust=trust, listener=listener)
    session.out.result("lock", result, table=lambda: _table(session, result), quiet=result.lock.release)
    if not result.changes:
        session.out.note(f"{path.name} was so already.")
    elif result.written:
        session.out.note(f"Wrote {path}; commit it.")


def path_of(loaded: Loaded) -> Path:
    """Where the lock of what was loaded is."""
    from zephyr_deploy.deploy.lockplace import lock_path

    return lock_path(loaded.config, loaded.profile, Path.cwd())


def pinned(trust: Trust, loaded: Loaded) -> Trust:
    """What may make a pin, held to the host keys that travel with what was loaded.

    Raises:
        ConfigError: there is a lock, and it cannot be read.
    """
    from zephyr_deploy.deploy.pinned import with_pins

    return with_pins(trust, loaded.deployment, path_of(loaded))


def _trust(trust: Trust, loaded: Loaded) -> Trust:
    """As `pinned`; a lock that cannot be read is going to be written anew, and names no key until then."""
    from zephyr_deploy.deploy.pinned import with_pins

    try:
        return pinned(trust, loaded)
    except ConfigError:
        return with_pins(trust, loaded.deployment, None)


def honoured(loaded: Loaded, *, locked: bool, upgrade: bool) -> Honoured | None:
    """The lock that a run is to keep to; None where ``--locked`` was not given.

    Raises:
        UsageError: ``--upgrade`` was given, too.
        ConfigError: there is no lock, or none that can be read.
    """
    if not locked:
        return None
    if upgrade:
        hint = "`zephyr-deploy lock --upgrade` looks up what is newest; --locked then brings that."
        raise UsageError("--locked and --upgrade do not go together.", hint=hint)
    from zephyr_deploy.deploy.honoured import Honoured
    from zephyr_deploy.deploy.lockplace import required_lock

    path = path_of(loaded)
    return Honoured(path, required_lock(path))


def _table(session: Session, result: LockResult) -> RenderableType:
    """What is in it where it is new, else what differs."""
    if result.begun or not result.changes:
        return session.out.facts(_rows(result))
    rows = [(change.what, _short(change.before) or "-", _short(change.after) or "-") for change in result.changes]
    return session.out.grid(("WHAT", "BEFORE", "NOW"), rows)


def _rows(result: LockResult) -> list[tuple[str, str]]:
    lock = result.lock
    return [
        ("deployment", lock.deployment),
        ("release", lock.release),
        ("engine", f"{lock.engine.image} {_short(lock.engine.digest)}"),
        ("gateway", f"{lock.gateway.image} {_short(lock.gateway.digest)}"),
        ("model", f"{lock.model.repo} {lock.model.commit}"),
        *((name, ", ".join(filter(None, (*m.gpus, m.driver, m.host_key)))) for name, m in lock.machines.items()),
        ("zephyr-deploy", lock.tool),
    ]


def _short(text: str) -> str:
    return f"{text[:SHOWN]}…" if text.startswith(DIGEST) else text
