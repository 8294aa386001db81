"""Has a server watched while a benchmark runs, from where that disturbs it least; and says where all this is."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from zephyr_deploy.bench.environment import this_machine, together
from zephyr_deploy.bench.server.process import MetricsProcess
from zephyr_deploy.bench.server.view import Environment
from zephyr_deploy.endpoint.loopback import is_loopback
from zephyr_deploy.errors import ZephyrError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zephyr_deploy.bench.server.view import Route
    from zephyr_deploy.bench.server.witness import Witness
    from zephyr_deploy.endpoint.types import Endpoint
    from zephyr_deploy.providers.nodes.record import NodesRecord


class Watched:
    """Who watches a benchmark's server, and where all this is."""

    def __init__(self, witnesses: Sequence[Witness], route: Route, record: NodesRecord | None) -> None:
        self.witnesses = witnesses
        self.notes: list[str] = []
        """What is not watched, and why, in whole sentences."""
        self._route: Route = route
        self._record = record
        self._client = this_machine()

    def environment(self) -> Environment:
        """Where and how the benchmark is taken."""
        record = self._record
        server = together([one.about() for one in self.witnesses], len(record.nodes) if record else 1)
        region = _region(record) if record else None
        return Environment(client=self._client, server=server, route=self._route, region=region)


@contextmanager
def watched(endpoint: Endpoint, *, metrics: bool = True) -> Iterator[Watched]:
    """Have the server at ``endpoint`` watched while the body runs; that it cannot be is a note, and no failure.

    A deployment's machines watch themselves, past its gateway and its tunnel. Any other server's metrics are read from
    here, and the GPUs of this machine where the server is on it.

    Args:
        endpoint: What is measured.
        metrics: Whether to; False: only the environment is looked at.
    """
    record = _record(endpoint)
    here = record is None and is_loopback(endpoint.url)
    route: Route = "tunnel" if record else "loopback" if here else "direct"
    with ExitStack() as held:
        witnesses: list[Witness] = []
        watch = Watched(witnesses, route, record)
        if metrics and record is not None:
            from zephyr_deploy.deploy.node_witness import watching

            try:
                witnesses += held.enter_context(watching(record))
            except ZephyrError as error:
                watch.notes.append(f"The machine is not watched: {error.message}")
        elif metrics:
            try:
                for begin in _from_here(endpoint, here=here):
                    witnesses.append(begin())
                    held.callback(witnesses[-1].close)
            except OSError as error:
                watch.notes.append(f"The server is not watched: no process can be started for that ({error.strerror}).")
        yield watch


def _from_here(endpoint: Endpoint, *, here: bool) -> Iterator[Callable[[], Witness]]:
    """What begins to watch a server that is no deployment's machine."""
    yield lambda: MetricsProcess(endpoint)
    if here and shutil.which("nvidia-smi"):
        from zephyr_deploy.bench.server.local_gpus import LocalGpus

        yield LocalGpus


def _record(endpoint: Endpoint) -> NodesRecord | None:
    """The machines of a deployment that has some; None: it is on this one, or no deployment."""
    if not endpoint.release:
        return None
    from zephyr_deploy.providers.nodes.record import record_of

    return record_of(endpoint.name)


def _region(record: NodesRecord) -> str | None:
    """Of a cloud, where its machine was ordered last; None: it is in none, or was ordered from another laptop."""
    from zephyr_deploy.providers.registry import is_cloud

    if not is_cloud(record.provider):
        return None
    from pydantic import ValidationError

    from zephyr_deploy.deploy.clouds.pending import CREATE
    from zephyr_deploy.deploy.journal import Journal
    from zephyr_deploy.providers.clouds.types import Order

    entries = Journal(record.name).entries()
    orders = [entry.facts["order"] for entry in entries if entry.step == CREATE and "order" in entry.facts]
    try:
        return Order.model_validate_json(orders[-1]).offer.region if orders else None
    except ValidationError:  # of another version
        return None
