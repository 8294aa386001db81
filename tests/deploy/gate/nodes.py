"""Machines of a deployment that are folders: the node's own program judges, and a switch is a line in its history."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

from providers.test_behind_a_gateway import MACHINE, NODE

from zephyr_deploy.agent import judge, layout, verbs
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.layout import Layout
from zephyr_deploy.agent.store import Store
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.errors import EngineFailedError, UnreachableError
from zephyr_deploy.events import Phases
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.providers.nodes.look import read_look

if TYPE_CHECKING:
    from pathlib import Path

NAME = "demo"
OLD, NEW = "a" * 12, "b" * 12
ME = {"user": "ann", "machine": "laptop", "command": "redeploy", "origin": "a1", "run": "r1"}


@dataclass
class Node:
    """One machine; it leaves out all that is not about releases and their verdicts."""

    root: Path
    state: str = "ready"
    gone: int = 0
    """How many calls find nobody."""
    broken: bool = False
    """Whether the old release does not start again."""
    fails: bool = False
    """Whether a new release does not start."""
    asked: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        layout.ROOT = self.root
        return Store(Layout(NAME))

    def serve(self, release, before=None):
        """Have a release serve; with ``before``, on trial."""
        store = self.store
        store.write_release(release, {"release.json": '{"name": "demo"}'})
        store.set_current(release, None if before is None else {"before": before, "who": ME, "at": 1.0})
        store.note(release, "active", ME, **({} if before is None else {"trial": True}))

    def call(self, verb, request, **_options):
        self.asked.append(verb)
        if self.gone:
            self.gone -= 1
            raise UnreachableError("the connection was cut")
        layout.ROOT = self.root
        if verb == "apply":
            return self.apply(request)
        work = judge.judge if verb == "judge" else getattr(verbs, verb)
        report = SimpleNamespace(to_the_end=_nothing, phase=lambda *_: _nothing(), check=lambda: None)
        judge.Apply = lambda wish, _report: SimpleNamespace(bring=lambda: self.bring(wish["release"]))
        try:
            return work(request, report)
        except NodeError as error:
            raise EngineFailedError(error.message) from error

    def apply(self, request):
        if self.fails:
            raise EngineFailedError("it does not start")
        before = (self.store.trial or {"before": self.store.current})["before"]
        self.serve(request["release"], before if request["trial"] and request["release"] != before else None)
        return {}

    def bring(self, release):
        if self.broken:
            raise NodeError("engine_failed", f"it has no memory; release {self.store.current} serves again")
        self.serve(release)


@contextmanager
def _nothing():
    yield


class Machines(Fleet):
    """All of them, looked at."""

    def __init__(self, *nodes: Node) -> None:
        self.events = []
        addresses = [NodeAddress(host=f"gpu{number}") for number in range(len(nodes))]
        super().__init__(NAME, "ssh", addresses, Phases(self.events.append))
        self.connected = 0
        self.lost = False
        for member, node in zip(self.members, nodes, strict=True):
            member.node, member.call = node, node.call
        self.look()

    def connect(self, *_args, **_options):
        self.connected += 1

    def look(self, *_args, **_options):
        if self.lost:
            raise UnreachableError("nobody answers")
        for member in self.members:
            store = member.node.store
            serving = {**NODE, "release": store.current, "trial": store.trial, "state": member.node.state}
            there = serving if store.current else None
            member.found = read_look({"machine": MACHINE, "deployment": there}, NAME, "ssh", member.address)
