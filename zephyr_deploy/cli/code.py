"""``zephyr-deploy code``."""

from __future__ import annotations

from typing import Annotated

import typer

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb
from zephyr_deploy.errors import DeclinedError


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy code", "Let VS Code's Remote Explorer find the machine, and print the link that opens it"),
        ("zephyr-deploy code --remove", "Take the entry away again"),
    ],
)
def code(
    session: Session,
    name: NameArg = None,
    folder: Annotated[str, typer.Option(help="Folder to open there.")] = "/",
    host: Annotated[str | None, typer.Option(help="Which of several machines.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the entry out of the ssh configuration.")] = False,
) -> None:
    """Write an ssh entry for the machine, with its pinned key, and print the vscode:// link to it."""
    from zephyr_deploy.deploy import shell

    target = session.name(name)
    if remove:
        shell.forget_host(target)
        session.out.result("code", {"removed": target}, table=lambda: f"The entry of {target} is gone.", quiet=target)
        return
    asks = shell.needs_include()
    if asks and not session.out.confirm(f"Put one Include line at the top of {shell.user_config()}?"):
        raise DeclinedError(f"{shell.user_config()} was left as it is.", hint="zephyr-deploy ssh does without it.")
    entry = shell.remember_host(target, host=host, folder=folder)
    rows = [("host", entry.host), ("link", entry.link), ("configuration", str(entry.config))]
    session.out.result("code", entry, table=lambda: session.out.facts(rows), quiet=entry.link)
    session.out.hint(f"Open the link, or in VS Code: Remote-SSH: Connect to Host, {entry.host}")
