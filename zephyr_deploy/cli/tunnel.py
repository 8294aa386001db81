"""``zephyr-deploy tunnel``."""

from __future__ import annotations

from typing import Annotated

import typer

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb


@verb(
    panel=LOOK,
    examples=[
        ("zephyr-deploy tunnel", "Reach the endpoint at http://127.0.0.1:8080 until Ctrl-C"),
        ("zephyr-deploy tunnel --port 0 --output quiet", "At any free port; prints the address"),
    ],
)
def tunnel(
    session: Session,
    name: NameArg = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port here; 0 takes a free one; unset: access.port.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Which of several machines.")] = None,
) -> None:
    """Bring the endpoint's port to this machine through the SSH connection, until Ctrl-C; it survives reconnects."""
    from zephyr_deploy.deploy.known import known
    from zephyr_deploy.deploy.reach import tunnel as opened

    target = session.name(name)
    record = known(target)
    wanted = port if port is not None else record.port if record else 0

    def on_state(state: str, detail: str) -> None:
        session.out.note(f"{state}: {detail}")

    with opened(target, host=host, local_port=wanted, on_state=on_state) as running:
        url = f"http://127.0.0.1:{running.local_port}"
        session.out.item("tunnel", {"url": url}, text=url + "\n")
        session.out.hint(f"zephyr-deploy env {target}, for the key; Ctrl-C ends the tunnel.")
        running.wait()
