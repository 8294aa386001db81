"""Work on a deployment of a node: one call at a time, and noted in the audit log."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent.audit import noted
from zephyr_deploy.agent.lock import Lock, refuse_another, run_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.agent.layout import Layout
    from zephyr_deploy.agent.report import Report
    from zephyr_deploy.agent.store import Store


@contextmanager
def locked(
    store: Store, who: dict[str, Any], wait_s: float, *, verb: str = "", wanted: str = "", report: Report | None = None
) -> Iterator[dict[str, Any]]:
    """Hold the deployment's lock on this node while the body runs; see `Lock.held`.

    What is done under it stands in the audit log; the body may say in the dictionary what came of it.

    Args:
        store: Of the deployment.
        who: Who asks.
        wait_s: How long to wait for another, in seconds.
        verb: What the audit log calls it; empty: it is nothing to be noted.
        wanted: The release that is to serve; empty where none is.
        report: Told whom it waits for; asked whether anybody listens still.

    Raises:
        NodeError: another origin holds it after ``wait_s`` seconds, or a run holds the node; the message says who.
        GoneError: nobody listens any more, and it would have to wait.
    """
    layout = store.layout
    with Lock(layout.lock, layout.name).held(who, wait_s, wanted=wanted, report=report):
        refuse_another(layout, who)
        if not verb:
            yield {}
            return
        with noted(layout, who, verb, lambda: store.current, report) as facts:
            yield facts


def work(layout: Layout) -> dict[str, Any]:
    """Who works on the deployment on this node now; empty if nobody does.

    Between the calls of a run nobody has the lock of a call, and the run holds the node.
    """
    return Lock(layout.lock, layout.name).holder() or run_lock(layout).holder()
