"""``zephyr-deploy status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from zephyr_deploy.cli.ending import ends, warn_of_end, warn_of_several
from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zephyr_deploy.deploy.results import StatusResult
    from zephyr_deploy.providers.machines import Figures, MachineStatus

UNHEALTHY = 7
COLUMNS = (
    "HOST",
    "STATE",
    "RELEASE",
    "GPU MEMORY",
    "RUNNING",
    "QUEUED",
    "TOKENS/S",
    "REQUESTS",
    "RESTARTS",
    "UP",
    "WHY",
)


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy status", "How is the endpoint? Exit code 0 only when all of it is ready"),
        ("zephyr-deploy status --output json", "The same for a script"),
    ],
)
def status(session: Session, name: NameArg = None) -> None:
    """Ask every machine of the endpoint how it is; the exit code is 0 when all are ready, else 7."""
    from zephyr_deploy.deploy import status as verbs

    result = verbs.status(session.name(name))
    session.out.result("status", result, table=lambda: _table(session, result), quiet=result.state)
    warn_of_end(session.out, result.name, result.ends_at)
    warn_of_several(session.out, result.name, result.also_in)
    if result.service is None:
        session.out.hint("zephyr-deploy up")
    elif result.state in {"failed", "unhealthy"}:
        session.out.hint("zephyr-deploy logs, then zephyr-deploy up with the flags it was started with")
    elif result.state == "unreachable":
        session.out.hint("zephyr-deploy doctor --host HOST, for what stands in the way")
    if result.state != "ready":
        raise typer.Exit(UNHEALTHY)


def _table(session: Session, result: StatusResult) -> RenderableType:
    """Names and values for one machine; a row each for several."""
    if len(result.machines) > 1:
        return session.out.grid(COLUMNS, [_row(machine) for machine in result.machines])
    return session.out.facts(_rows(result))


def _rows(result: StatusResult) -> list[tuple[str, str]]:
    service = result.service
    if service is None:
        return [("deployment", result.name), ("state", "absent"), *(("why", m.detail) for m in result.machines)]
    machine = result.machines[0]
    rows = [
        ("deployment", service.name),
        ("state", machine.state),
        ("endpoint", service.url),
        *((("public", service.public_url),) if service.public_url else ()),
        ("model", service.model_id),
        ("engine", " ".join(part for part in (service.engine, machine.engine_version) if part)),
        ("image", machine.image),
        ("provider", service.provider),
        ("host", machine.host or ""),
        ("release", service.release),
        ("on trial", _trial(machine)),
        ("pid", str(service.pid or "")),
        ("age", "" if result.age_s is None else _age(result.age_s)),
        ("up", _up(machine)),
        ("restarts", "" if machine.restarts is None else str(machine.restarts)),
        *(("gpu", f"{gpu.name}, {_memory(gpu.memory_used_bytes, gpu.memory_bytes)}") for gpu in machine.gpus),
        ("requests", _requests(machine.figures)),
        ("tokens/s", _tokens(machine.figures)),
        ("at work", machine.work),
        ("draining", ", ".join(machine.draining)),
        ("ends", ends(machine.ending) if machine.ending else ""),
        ("held", "new requests wait until an engine is ready" if machine.held else ""),
        ("cost", f"${result.cost_usd:.2f} at ${service.price_per_hour_usd:.2f} an hour"),
        ("why", machine.detail),
    ]
    return [(name, value) for name, value in rows if value]


def _row(machine: MachineStatus) -> tuple[str, ...]:
    figures = machine.figures
    used, total = sum(g.memory_used_bytes for g in machine.gpus), sum(g.memory_bytes for g in machine.gpus)
    doing = [
        machine.detail,
        "on trial" if machine.trial else "",
        machine.work,
        "new requests wait" if machine.held else "",
    ]
    return (
        f"{machine.host} (gateway)" if machine.role == "gateway" else machine.host or "here",
        machine.state,
        next((found.release for found in (machine.service, machine.front) if found), ""),
        _memory(used, total) if machine.gpus else "-",
        _count(figures.running),
        _count(figures.queued),
        "-" if figures.tokens_per_s is None else f"{figures.tokens_per_s:.1f}",
        _count(figures.requests),
        _count(machine.restarts),
        _up(machine) or "-",
        "; ".join(text for text in doing if text),
    )


def _trial(machine: MachineStatus) -> str:
    trial = machine.trial
    return f"since {trial.since:%H:%M:%S} UTC, {trial.by}; before: {trial.before}" if trial else ""


def _requests(figures: Figures) -> str:
    known = [("running", figures.running), ("queued", figures.queued), ("since its start", figures.requests)]
    return ", ".join(f"{value:.0f} {words}" for words, value in known if value is not None)


def _tokens(figures: Figures) -> str:
    """The rate, and over which time it was taken."""
    parts = []
    if figures.tokens_per_s is not None:
        over = f"over {figures.tokens_per_s_over:.1f} s" if figures.tokens_per_s_over else "now: nothing runs"
        parts.append(f"{figures.tokens_per_s:.1f} ({over})")
    if figures.mean_tokens_per_s is not None:
        parts.append(f"{figures.mean_tokens_per_s:.1f} (mean since its start)")
    return ", ".join(parts)


def _memory(used: int, total: int) -> str:
    return f"{used / 2**30:.1f} of {total / 2**30:.1f} GiB"


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _up(machine: MachineStatus) -> str:
    return _age(machine.uptime_s) if machine.uptime_s else ""


def _age(age_s: float) -> str:
    hours, rest = divmod(int(age_s), 3600)
    return f"{hours} h {rest // 60:02} min" if hours else f"{rest // 60} min {rest % 60:02} s"
