"""The report that a release was judged by, kept on its machines: what the next one is held against."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from zephyr_deploy.bench.report import BenchReport
from zephyr_deploy.bench.saved import report_in
from zephyr_deploy.deploy.gate.measure import without_records
from zephyr_deploy.errors import ConfigError

if TYPE_CHECKING:
    from zephyr_deploy.deploy.fleet import Fleet
    from zephyr_deploy.deploy.gate.wish import Gating

KEEP_S = 60.0


class Kept(NamedTuple):
    """A report, and from which machine it was measured."""

    machine: str
    report: BenchReport

    def answers(self, gating: Gating) -> bool:
        """Whether it was measured as this gate measures, whole, and on the same way.

        Machines of a CI are seldom as near to the endpoint as the one of the run before: figures of another machine
        stand for this one's only where the requests were sent from the machine that serves.
        """
        report, place = self.report, "node" if gating.on_node else "here"
        same_way = report.measured_from == place and (gating.on_node or self.machine == socket.gethostname())
        return report.spec == gating.spec and not report.partial and same_way


def written(report: BenchReport) -> str:
    """As it is kept."""
    head = without_records(report).model_dump(mode="json")
    return json.dumps({"machine": socket.gethostname(), "report": head}, separators=(",", ":"))


def kept(fleet: Fleet, release: str) -> Kept | None:
    """What is kept of a release on the first machine that has something; None: none has what can be read."""
    for member in fleet.members:
        text = member.call("gated", {"name": fleet.name, "release": release}, deadline_s=KEEP_S)["report"]
        found = _read(text, f"the report of {release} on {member.name}") if text else None
        if found is not None:
            return found
    return None


def keep(fleet: Fleet, release: str, report: BenchReport) -> None:
    """Keep the report of the release that serves, on every machine."""
    request = {"name": fleet.name, "release": release, "report": written(report)}
    fleet.each(fleet.members, lambda member: member.call("keep_gated", request, deadline_s=KEEP_S))


def _read(text: str, name: str) -> Kept | None:
    """One of a later version, or that was cut short, is as good as none."""
    try:
        data: Any = json.loads(text)
        return Kept(str(data["machine"]), report_in(json.dumps(data["report"]).encode(), name))
    except (ValueError, LookupError, TypeError, ConfigError):
        return None
