"""What came of one command, for a CI: read from the JSON that it printed, whatever the command was."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from zephyr_deploy.cli.planned import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from zephyr_deploy.cli.github import Level

Data = dict[str, Any]
FACTS = ("", "")
ORPHANS = ("DEPLOYMENT", "PROVIDER", "WHAT", "$/H", "$ SO FAR")
CUT_OFF = "It ended before it could say what came of it: it was killed, or never began."

ELSEWHERE = "It failed; the log of its step says why."


@dataclass(frozen=True)
class Report:
    """What people read of it, and what the next steps take."""

    title: str
    outputs: Mapping[str, str]
    """By name, for later steps; see docs/guides/ci.md."""
    message: str = ""
    level: Level | None = None
    """How GitHub is to show ``message``; None: not at all."""
    failures: tuple[str, ...] = ()
    """Why a gate was not passed."""
    tables: tuple[Table, ...] = ()
    hint: str = ""
    log: tuple[str, ...] = ()
    """What a service said last before it failed."""


def report_of(document: str, outcome: str = "") -> Report:
    """Read what a command with ``--output json`` has printed; nothing or half a document is one that was cut off.

    Args:
        document: What it printed.
        outcome: How its step ended, in GitHub's words: a benchmark that was measured may fail its gate all the same.
    """
    found = _read(document)
    if outcome != "failure" or found.level is not None:
        return found
    return replace(found, outputs={**found.outputs, "result": "failed"}, message=ELSEWHERE, level="error")


def _read(document: str) -> Report:
    try:
        found = json.loads(document)
        kind, body = found["kind"], found["error" if found["kind"] == "error" else "data"]
    except (ValueError, TypeError, KeyError):
        return Report("zephyr-deploy was cut off", {"result": "interrupted"}, CUT_OFF, "error")
    return KINDS.get(kind, _other(kind))(body)


def _up(data: Data) -> Report:
    service, changed = data["service"], data["changed"]
    outputs = {
        "result": "changed" if changed else "unchanged",
        "endpoint": service.get("public_url") or service["url"],
        "release": data["release"],
        "image-digest": str(data.get("image") or "").rpartition("@")[2],
        "cost-per-hour": f"{service['price_per_hour_usd']:.2f}",
    }
    where = [one["host"] for one in data.get("services") or (service,) if one.get("host")]
    rows = {
        "endpoint": outputs["endpoint"],
        "model": service["model_id"],
        "release": data["release"],
        "image": data.get("image") or "",
        "machines": ", ".join(where),
        "cost": f"${outputs['cost-per-hour']} an hour",
        "ends": service.get("ends_at") or "",
        "took": f"{sum(phase['seconds'] for phase in data['phases']):.0f} s",
    }
    return Report(f"{service['name']}: {outputs['result']}", outputs, tables=(_facts(rows), *_gate(data.get("gate"))))


def _rollback(data: Data) -> Report:
    service = data["services"][0]
    outputs = {
        "result": "changed",
        "endpoint": service.get("public_url") or service["url"],
        "release": data["release"],
        "cost-per-hour": f"{service['price_per_hour_usd']:.2f}",
    }
    rows = {"endpoint": outputs["endpoint"], "release": data["release"], "before": data["before"]}
    return Report(f"{service['name']}: back at {data['release']}", outputs, tables=(_facts(rows),))


def _down(data: Data) -> Report:
    rows = {
        "removed": "; ".join(data["removed"]),
        "kept": "; ".join(data["kept"]),
        "cost": f"${data['cost_usd']:.2f}",
    }
    result = "changed" if data["removed"] or data["stopped"] else "unchanged"
    return Report(f"{data['name']}: taken away", {"result": result}, tables=(_facts(rows),))


def _status(data: Data) -> Report:
    service = data.get("service") or {}
    outputs = {"result": data["state"], "endpoint": service.get("public_url") or service.get("url") or ""}
    why = "; ".join(one["detail"] for one in data["machines"] if one.get("detail"))
    rows = {"endpoint": outputs["endpoint"], "release": service.get("release") or "", "why": why}
    return Report(f"{data['name']}: {data['state']}", outputs, tables=(_facts(rows),))


def _gc(data: Data) -> Report:
    rows = [
        (
            one["deployment"],
            one["provider"],
            ", ".join(f"{thing['kind']} {thing['id']}" for thing in one["resources"]),
            f"{one['price_per_hour_usd']:.2f}",
            f"{one['cost_usd']:.2f}",
        )
        for one in data["orphans"]
    ]
    removed, closed = len(data["removed"]), len(data["closed"])
    if removed or closed:
        title = "; ".join(
            [f"{removed} things deleted", *([f"{closed} openings of firewalls closed"] if closed else [])]
        )
    else:
        title = "What is left over; nothing of it was deleted" if rows else "Nothing was left over"
    result = "changed" if removed or closed else "unchanged"
    tables = [Table("", ORPHANS, rows)] if rows else []
    return Report(title, {"result": result}, tables=(*tables, *_warned(data["warnings"])))


def _warned(found: list[Data]) -> Iterator[Table]:
    """What ``--warn`` has told of."""
    if found:
        from zephyr_deploy.cli.warner import COLUMNS
        from zephyr_deploy.deploy.clouds.warn import Warned
        from zephyr_deploy.deploy.notify.warned import sentence

        now, warned = datetime.now(timezone.utc), [Warned.model_validate(one) for one in found]
        yield Table("", COLUMNS, [(one.deployment, one.provider, one.machine, sentence(one, now)) for one in warned])


def _bench(data: Data) -> Report:
    target = data["target"]
    outputs = {"result": "measured", "release": target.get("release") or ""}
    return Report(f"{target['name']}: measured", outputs, tables=(_levels(data),))


def _error(error: Data) -> Report:
    details = error.get("details") or {}
    return Report(
        f"zephyr-deploy failed ({error['code']})",
        {**_after(error["code"], details), "exit-code": str(error["exit_code"])},
        error["message"],
        "error",
        failures=tuple(map(str, details.get("failures") or ())),
        tables=tuple(_gate(details)),
        hint=error.get("hint") or "",
        log=tuple(_said_last(details)),
    )


def _said_last(details: Data) -> Iterator[str]:
    """The end of a service's log, then the line that shows the cause; a log that is a path is named by the hint."""
    log = details.get("log")
    yield from map(str, log if isinstance(log, list) else ())
    if details.get("line"):
        yield str(details["line"])


def _after(code: str, details: Data) -> dict[str, str]:
    """How a command that failed has left the deployment, as far as its error says."""
    result = str(details.get("result") or ("interrupted" if code == "interrupted" else "failed"))
    return {"result": result, "release": str(details["before"]) if result == "rolled_back" else ""}


def _gate(verdict: Data | None) -> Iterator[Table]:
    """What a gate has measured: beside the figures of the release before, where it compared them."""
    if verdict and verdict.get("comparison"):
        from zephyr_deploy.bench.compare import Comparison
        from zephyr_deploy.cli.compare import COLUMNS, rows

        found = Comparison.model_validate(verdict["comparison"])
        lines = [line for level in found.levels for line in rows(level)]
        yield Table(f"A is {verdict['before']}, B is {verdict['release']}", COLUMNS, lines)
    elif verdict and verdict.get("report"):
        yield _levels(verdict["report"])


def _levels(report: Data) -> Table:
    from zephyr_deploy.bench.saved import report_in
    from zephyr_deploy.cli.benched import COLUMNS, row

    found = report_in(json.dumps(report).encode(), "The result")
    return Table("", COLUMNS, [row(level)[: len(COLUMNS)] for level in found.levels])


def _other(kind: str) -> Callable[[Data], Report]:
    return lambda _data: Report(f"{kind}: done", {"result": "unchanged"})


def _facts(rows: Mapping[str, str]) -> Table:
    return Table("", FACTS, [(name, value) for name, value in rows.items() if value])


KINDS: dict[str, Callable[[Data], Report]] = {
    "up": _up,
    "rollback": _rollback,
    "down": _down,
    "status": _status,
    "gc": _gc,
    "bench": _bench,
    "error": _error,
}
"""By the kind of the document."""
