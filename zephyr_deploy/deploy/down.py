"""`down`: take a deployment away and prove that it is gone."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.audit import forget_audit
from zephyr_deploy.deploy.clouds_down import take_off_clouds
from zephyr_deploy.deploy.find import services_here
from zephyr_deploy.deploy.forget import forget_state
from zephyr_deploy.deploy.lock import deployment_lock
from zephyr_deploy.deploy.nodes_down import NodesDown, take_off_nodes
from zephyr_deploy.deploy.results import DownResult
from zephyr_deploy.deploy.run import running
from zephyr_deploy.deploy.spent import cost_of_machines, cost_of_service
from zephyr_deploy.errors import CapacityError, LeftoversError
from zephyr_deploy.events import Listener, Phases, silent
from zephyr_deploy.paths import cache_dir, counts_dir, state_dir
from zephyr_deploy.providers.base import ProcessProvider
from zephyr_deploy.providers.registry import provider as provider_named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from zephyr_deploy.deploy.journal import Journal
    from zephyr_deploy.providers.base import Service

GRACE_S = 30.0
"""How long running requests may take to end before the service is killed, in seconds."""


def down(
    name: str,
    *,
    purge: bool = False,
    grace_s: float = GRACE_S,
    listener: Listener = silent,
    lock_wait_s: float = 0,
    forget: bool = False,
) -> DownResult:
    """Stop everything of a deployment, wait until it is gone, delete its state. Twice is fine.

    Args:
        name: Of the deployment.
        purge: Delete the downloaded models too, unless another deployment runs.
        grace_s: How long running requests may take to end, in seconds.
        listener: Is told of every phase.
        lock_wait_s: How long to wait, in seconds, while another process works on this deployment.
        forget: Pass over machines that cannot be reached, because they are gone for good.

    Raises:
        LockedError: another process works on this deployment.
        UnreachableError: a machine cannot be reached, and is not to be forgotten; a cloud cannot be asked.
        AuthError: a cloud that has it does not take the credentials.
        LeftoversError: something is still there.
    """
    phases = Phases(listener)
    with deployment_lock(name, "down", wait_s=lock_wait_s), running(name, "down", phases) as run:
        journal = run.journal
        run.about_to("teardown")  # whether there is anything shows only when it is taken away
        vanished = take_off_clouds(name, phases, journal)
        how = NodesDown(purge=purge, grace_s=grace_s, lock_wait_s=lock_wait_s, forget=forget)
        taken = take_off_nodes(run, how)
        found = [service for service in services_here(name) if service.host is None]
        _stop_all(found, journal, phases, grace_s)
        with phases.phase("forget", "Delete state") as phase:
            removed = (*map(str, vanished), *taken.removed, *forget_state(name, purge=purge))
            if not removed:
                phase.unchanged("nothing was there")
                run.result = "unchanged"
        found = [*taken.services, *found]
        run.cost_usd = cost = sum(map(cost_of_service, found)) + cost_of_machines(vanished)
    if purge:
        removed = (*removed, *forget_audit(name))
    remove_empty(state_dir())
    gone = (f"whatever is on {machine}, which cannot be reached" for machine in taken.forgotten)
    kept = (*gone, *_kept(services_here() if purge else []))
    return DownResult(name=name, stopped=tuple(found), removed=removed, kept=kept, cost_usd=cost)


def _stop_all(found: Sequence[Service], journal: Journal, phases: Phases, grace_s: float) -> None:
    with phases.phase("stop", "Stop") as phase:
        if not found:
            phase.unchanged("nothing runs")
        for service in found:
            _noted(journal.intend, "stop", release=service.release, pid=str(service.pid))
            stopper = provider_named(service.provider)
            if not isinstance(stopper, ProcessProvider):
                continue
            stopper.stop(service, grace_s, lambda seconds: phase.progress(seconds, grace_s, "seconds"))
            _noted(journal.done, "stop")
        left = [s for s in services_here(found[0].name) if s.state != "failed" and s.host is None] if found else []
        if left:
            names = ", ".join(f"{s.name} (pid {s.pid})" for s in left)
            raise LeftoversError(f"still running after down: {names}", hint="Run `zephyr-deploy down` again.")


def _noted(write: Callable[..., None], step: str, **facts: str) -> None:
    """Write to the journal if that is possible: a full disk must not keep a service running."""
    with suppress(OSError, CapacityError):
        write(step, **facts)


def remove_empty(folder: Path) -> None:
    """Remove ``folder`` and the folders in it as far as they hold no file."""
    if not folder.is_dir():
        return
    for child in folder.iterdir():
        if child.is_dir() and not child.is_symlink():
            remove_empty(child)
    try:
        folder.rmdir()
    except OSError:
        return  # It holds something: not ours to delete.


def _kept(users: Sequence[Service]) -> list[str]:
    """The downloaded models, and who uses them where that is why they are still here."""
    files = (path for path in cache_dir().rglob("*") if path.is_file() and path.parent != counts_dir())
    size = sum(path.stat().st_size for path in files)
    if not size:
        return []
    why = f"; {', '.join(service.name for service in users)} may use them" if users else ""
    return [f"downloaded models ({size / 1e6:.0f} MB in {cache_dir()}){why}"]
