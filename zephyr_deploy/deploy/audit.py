"""The audit log of a deployment: what this machine had done to it, and what its nodes say was done to them.

Each call of a verb that changes something is a line here (`tell`), and each call that it makes of a node is noted there
(`zephyr_deploy.agent.audit`). They belong together by the run that both name.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from zephyr_deploy.deploy.outcome import Outcome
from zephyr_deploy.errors import NotDeployedError, ZephyrError
from zephyr_deploy.paths import checked_name, private_dir, state_dir
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from zephyr_deploy.deploy.run import Run
    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.providers.nodes.record import NodesRecord

CALL_S = 60.0
AT_ONCE = 16
Line = dict[str, Any]
"""Of a node's log."""


class Audited(Frozen):
    """One run: who had what done, and what came of it."""

    run: str
    at: datetime
    """When it began, by the clock of the machine that it was called from; else by that of the first node."""
    user: str
    machine: str
    """Where it was called from."""
    job: str = ""
    """Address of the CI's job; empty outside of one."""
    commit: str = ""
    command: str
    before: str = ""
    """Id of the release that served before."""
    release: str = ""
    """Id of the one that was to serve; where only nodes tell of the run, of the one that served after it."""
    result: Literal["changed", "unchanged", "rolled_back", "failed", "interrupted", "cut off"]
    """``cut off``: it was ended from outside (killed, a reboot), for what it began has no end."""
    cause: str = ""
    """What went wrong."""
    cost_usd: float | None = None
    nodes: tuple[str, ...] = ()
    """The machines that tell of it."""
    here: bool = False
    """Whether this machine does."""


def log_path(name: str) -> Path:
    """Where this machine's log of deployment ``name`` is; `down` leaves it, `down --purge` does not."""
    return state_dir() / "audit" / f"{checked_name(name)}.jsonl"


def tell(_run: Run, outcome: Outcome) -> None:
    """Note how a run ended; not of one that had nothing to do and found nothing."""
    if outcome.result == "unchanged" and not (outcome.before or outcome.release):
        return
    path = log_path(outcome.deployment)
    private_dir(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, outcome.model_dump_json().encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def noted(name: str) -> list[Outcome]:
    """What this machine's log says, oldest first; a line cut short by a crash is passed over."""
    try:
        lines = log_path(name).read_text().splitlines()
    except FileNotFoundError:
        return []
    return [outcome for outcome in map(_read, lines) if outcome]


def forget_audit(name: str) -> list[str]:
    """Delete this machine's log of a deployment; what was deleted, for a receipt."""
    path = log_path(name)
    if not path.exists():
        return []
    path.unlink()
    return [f"audit log of {name}"]


def audit(name: str, *, here: bool = False) -> tuple[list[Audited], list[str]]:
    """Every run that is known of, oldest first, and what could not be asked.

    Args:
        name: Of the deployment.
        here: Only what this machine's log says.

    Raises:
        NotDeployedError: nothing of that name is or was anywhere that is known here.
        ZephyrError: nothing is noted here, and no machine could be asked.
    """
    from zephyr_deploy.deploy.known import known  # what knows clouds is nothing for who tells of a run

    own, record = noted(name), None if here else known(name)
    if record is None:
        if not own:
            raise NotDeployedError(f"nothing is known of {name}", hint="zephyr-deploy ls shows what there is.")
        return merged(own, {}), []
    told, failures = _asked(record)
    if failures and not told and not own:
        raise failures[0]
    return merged(own, told), [failure.message for failure in failures]


def merged(own: Iterable[Outcome], told: Mapping[str, Sequence[Line]]) -> list[Audited]:
    """One entry for each run, oldest first; nodes by their numbers, for clocks may differ.

    Args:
        own: This machine's log.
        told: The lines of each node, by its name.
    """
    found: dict[str, Audited] = {}
    order: list[str] = []
    for node, lines in told.items():
        by_run: dict[str, list[Line]] = {}
        for line in sorted(lines, key=lambda line: int(line["seq"])):
            by_run.setdefault(line["who"].get("run") or f"{node} {line['seq']}", []).append(line)
        for run, those in by_run.items():
            found[run] = _joined(found[run], node, those) if run in found else _of_node(run, node, those)
        order = _woven(order, list(by_run), found)
    for outcome in (own := list(own)):
        found[outcome.run] = _of_here(outcome, found.get(outcome.run))
    return [found[run] for run in _woven(order, [outcome.run for outcome in own], found)]


def _asked(record: NodesRecord) -> tuple[dict[str, list[Line]], list[ZephyrError]]:
    """What each machine's log says, by its name, and why others could not be asked."""
    from zephyr_deploy.node.program import call
    from zephyr_deploy.providers.nodes.connect import connect_noted

    def ask(address: NodeAddress) -> list[Line] | ZephyrError:
        try:
            with connect_noted(record, address) as node:
                return list(call(node, "audit", {"name": record.name}, deadline_s=CALL_S)["lines"])
        except ZephyrError as error:
            return error

    machines = record.machines
    with ThreadPoolExecutor(min(AT_ONCE, len(machines)), thread_name_prefix="audit") as pool:
        answers = dict(zip(map(str, machines), pool.map(ask, machines), strict=True))
    told = {name: answer for name, answer in answers.items() if isinstance(answer, list)}
    return told, [answer for answer in answers.values() if isinstance(answer, ZephyrError)]


def _of_node(run: str, node: str, lines: Sequence[Line]) -> Audited:
    who, ends = lines[0]["who"], [line for line in lines if line["stage"] != "begun"]
    return Audited(
        run=run,
        at=datetime.fromtimestamp(lines[0]["at"], timezone.utc),
        user=who.get("user", "?"),
        machine=who.get("machine", "?"),
        job=who.get("job", ""),
        commit=who.get("commit", ""),
        command=who.get("command", "?"),
        before=lines[0].get("before", ""),
        release=next((line["release"] for line in reversed(ends) if "release" in line), ""),
        result=_result(lines),
        cause="; ".join(line["cause"] for line in ends if line.get("cause")),
        nodes=(node,),
    )


def _result(lines: Sequence[Line]) -> Any:
    """What came of a run on a node, in the words of an `Outcome`."""
    results = {line.get("result") for line in lines}
    if "refused" in results:
        return "rolled_back"
    if "failed" in results:
        return "failed"
    if sum(line["stage"] == "begun" for line in lines) > sum(line["stage"] == "ended" for line in lines):
        return "cut off"
    return "interrupted" if "left" in results else "changed"


def _joined(known: Audited, node: str, lines: Sequence[Line]) -> Audited:
    """What another node says of the same run: the worse result is that of the run."""
    other = _of_node(known.run, node, lines)
    worse = other if other.result != "changed" and known.result == "changed" else known
    return worse.model_copy(update={"nodes": (*known.nodes, node), "at": known.at})


def _of_here(outcome: Outcome, told: Audited | None) -> Audited:
    """What this machine says of a run, which knows the most of it."""
    return Audited(
        run=outcome.run,
        at=outcome.at,
        user=outcome.user,
        machine=outcome.machine,
        job=outcome.job,
        commit=outcome.commit,
        command=outcome.command,
        before=outcome.before or (told.before if told else ""),
        release=outcome.release or (told.release if told else ""),
        result=outcome.result,
        cause=outcome.error or (told.cause if told else ""),
        cost_usd=outcome.cost_usd,
        nodes=told.nodes if told else (),
        here=True,
    )


def _woven(order: Sequence[str], others: Sequence[str], found: Mapping[str, Audited]) -> list[str]:
    """Two orders as one: what both have stands fast, and the rest goes between by the time that is noted of it."""
    woven, place, both = list(order), 0, set(others)
    for run in others:
        if run in woven:
            place = woven.index(run) + 1
            continue
        while place < len(woven) and woven[place] not in both and found[woven[place]].at <= found[run].at:
            place += 1
        woven.insert(place, run)
        place += 1
    return woven


def _read(line: str) -> Outcome | None:
    try:
        return Outcome.model_validate_json(line)
    except ValidationError:
        return None
