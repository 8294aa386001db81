"""``zephyr-deploy releases``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.cli.benched import short
from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

if TYPE_CHECKING:
    from zephyr_deploy.release.history import Figures

COLUMNS = ("", "RELEASE", "WHEN (UTC)", "EVENT", "WHO", "BY", "WHAT", "BENCH")


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy releases", "What served on the machine, when, and who deployed it"),
        ("zephyr-deploy releases --output json", "The same for a script"),
    ],
)
def releases(session: Session, name: NameArg = None) -> None:
    """List what was deployed, newest first, with what `bench` found of it."""
    from zephyr_deploy.deploy.redeploy import releases as run

    found = run(session.name(name))
    rows = [
        (
            "*" if entry.current else "",
            entry.release,
            f"{entry.at:%Y-%m-%d %H:%M:%S}",
            f"{entry.event} (on trial)" if entry.trial else entry.event,
            f"{entry.user}@{entry.machine}",
            entry.command,
            entry.cause or ", ".join(entry.changes),
            _bench(entry.bench),
        )
        for entry in found
    ]
    quiet = (entry.release for entry in found if entry.event == "active")
    session.out.result("releases", found, table=lambda: session.out.grid(COLUMNS, rows), quiet=quiet)


def _bench(levels: tuple[Figures, ...]) -> str:
    """The level with the most requests at once; JSON has all."""
    if not levels:
        return ""
    last = max(levels, key=lambda level: (level.concurrency or 0, level.rate_per_s or 0))
    load = f"{last.concurrency} at once" if last.concurrency else f"{last.rate_per_s:g} a second"
    times = [
        f"{word} {short(value)} ms" for word, value in (("TTFT", last.ttft_p50_ms), ("ITL", last.itl_p50_ms)) if value
    ]
    return ", ".join([f"{load}: {last.output_tokens_per_s:.1f} tokens/s", *times])
