"""``zephyr-deploy inventory``."""

from __future__ import annotations

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import FIX, verb


@verb(
    panel=FIX,
    examples=[
        ("zephyr-deploy inventory > hosts.yml", "The machines, for ansible-playbook -i hosts.yml"),
        ("zephyr-deploy inventory --output json", "The same as JSON"),
    ],
)
def inventory(session: Session, name: NameArg = None) -> None:
    """Print the machines as an Ansible inventory, host keys pinned, to run a playbook on them by hand."""
    from zephyr_deploy.deploy.inventory import as_yaml, inventory_of, playbook

    loaded = session.load({} if name is None else {"name": session.name(name)})
    found = inventory_of(loaded.deployment)
    session.out.result("inventory", found, table=lambda: as_yaml(found), quiet=found["all"]["hosts"])
    session.out.hint(f"ansible-playbook -i hosts.yml {playbook('prepare')}")
