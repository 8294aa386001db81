"""``zephyr-deploy debug-bundle``."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import FIX, verb


@verb(
    panel=FIX,
    examples=[
        ("zephyr-deploy debug-bundle", "Everything that helps to find a fault, in one file"),
        ("zephyr-deploy debug-bundle demo --to /tmp/demo.tar.gz", "Another deployment's, at a place of your choice"),
    ],
)
def debug_bundle(
    session: Session,
    name: NameArg = None,
    to: Annotated[Path | None, typer.Option(help="File to write; unset: zephyr-debug-NAME-TIME.tar.gz, here.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines of each log.")] = 2000,
) -> None:
    """Gather versions, configuration, plan, release, logs and machine facts in one file without secrets."""
    from zephyr_deploy.deploy.bundle import debug_bundle as run

    target = session.name(name)
    path = to or Path(f"zephyr-debug-{target}-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}.tar.gz")
    with session.out.listening() as listener:
        result = run(target, path, session.load, lines=lines, listener=listener)
    for missing in result.missing:
        session.out.warn(f"It could not be had, and the bundle says so: {missing}")
    rows = [("bundle", str(result.path)), ("size", f"{result.size / 1e6:.2f} MB"), ("files", str(len(result.files)))]
    session.out.result("debug-bundle", result, table=lambda: session.out.facts(rows), quiet=str(result.path))
    session.out.note("Known secrets were taken out, and what looks like one. Look through it before you send it.")
