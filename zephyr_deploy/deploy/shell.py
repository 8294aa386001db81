"""`ssh` and `code`: the user's own programs on a deployment's machine, with the deployment's pin."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.known import known
from zephyr_deploy.errors import ConfigError, NotDeployedError
from zephyr_deploy.node import sshconfig
from zephyr_deploy.node.route import resolve
from zephyr_deploy.node.sshconfig import user_config
from zephyr_deploy.providers.nodes.connect import alias_for, pin_file
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from zephyr_deploy.node.sshconfig import SshHost

__all__ = ["Entry", "forget_host", "needs_include", "remember_host", "run_ssh", "user_config"]


class Entry(Frozen):
    """The entry that was written."""

    host: str
    """What ssh and VS Code call the machine."""
    link: str
    config: Path
    """Our file; one line at the top of the user's own includes it."""


def run_ssh(name: str, command: tuple[str, ...], *, host: str | None = None) -> int:
    """Run the user's ssh to a machine of the deployment; its exit code.

    Raises:
        NotDeployedError: this user has no note of such a deployment.
        ConfigError: there is no ssh here.
    """
    entry = _host(name, host)
    with tempfile.TemporaryDirectory(prefix="zephyr-ssh-") as folder:
        config = Path(folder) / "config"
        config.write_text("\n".join(entry.lines()) + f"\nInclude {user_config()}\n", encoding="utf-8")
        words = ["ssh", "-F", str(config), entry.alias, *([shlex.join(command)] if command else [])]
        try:
            return subprocess.run(words, check=False).returncode
        except FileNotFoundError as error:
            raise ConfigError("there is no ssh on this machine", hint="Install openssh-client.") from error


def needs_include() -> bool:
    """Whether the user's ssh configuration has to be changed first, which one asks for."""
    return not sshconfig.is_included()


def remember_host(name: str, *, host: str | None = None, folder: str = "/") -> Entry:
    """Write the machine's entry, and see that the user's ssh reads it.

    Raises:
        NotDeployedError: this user has no note of such a deployment.
        ConfigError: a file cannot be written.
    """
    entry = _host(name, host)
    sshconfig.add_host(entry)
    return Entry(host=entry.alias, link=sshconfig.vscode_link(name, folder), config=sshconfig.own_config())


def forget_host(name: str) -> None:
    """Take the entry away; quiet where there is none."""
    sshconfig.remove_host(name)


def _host(name: str, host: str | None) -> SshHost:
    record = known(name)
    if record is None:
        hint = f"Its machine is this one, or unknown here: zephyr-deploy status {name}"
        raise NotDeployedError(f"{name} is on no machine that is noted here", hint=hint)
    address = record.node(host)
    entry = sshconfig.ssh_host(name, resolve(address), pin_file(name))
    return entry.model_copy(update={"alias": alias_for(name, address, several=record.several)})
