"""``zephyr-deploy ssh``."""

from __future__ import annotations

from typing import Annotated

import typer

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy ssh", "A shell on the machine, its host key pinned"),
        ("zephyr-deploy ssh zephyr -- nvidia-smi", "One command there; its exit code becomes this one's"),
    ],
)
def ssh(
    session: Session,
    name: NameArg = None,
    command: Annotated[list[str] | None, typer.Argument(help="What to run there; unset: a shell.")] = None,
    host: Annotated[str | None, typer.Option(help="Which of several machines.")] = None,
) -> None:
    """Open a shell on the deployment's machine, or run a command there, with your own ssh and our pin."""
    from zephyr_deploy.deploy.shell import run_ssh

    raise typer.Exit(run_ssh(session.name(name), tuple(command or ()), host=host))
