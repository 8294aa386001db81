"""``zephyr-deploy version``."""

from __future__ import annotations

from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import FIX, verb


@verb(
    panel=FIX,
    examples=[
        ("zephyr-deploy version", "This tool, Python and the libraries it stands on"),
        ("zephyr-deploy version -o json", "The same for a bug report"),
    ],
)
def version(session: Session) -> None:
    """Show the version of this tool, of Python and of the libraries."""
    from zephyr_deploy.deploy.versions import versions

    data = versions()
    rows = [
        ("zephyr-deploy", data["zephyr_deploy"]),
        ("python", data["python"]),
        ("platform", data["platform"]),
        *((name, found or "not installed") for name, found in data["libraries"].items()),
    ]
    session.out.result("version", data, table=lambda: session.out.facts(rows), quiet=data["zephyr_deploy"])
