"""Lets ``ssh zephyr-NAME``, and all that is built on it, reach a deployment's machine with its pin.

The blocks stand in a file of this tool's own; the user's ``~/.ssh/config`` gets one ``Include`` at its top, where no
later ``Host *`` wins over it. Whether the user wants that is for the caller to ask.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from filelock import Timeout
from pydantic import Field

from zephyr_deploy.errors import ConfigError, LockedError
from zephyr_deploy.locks import acquire
from zephyr_deploy.node.address import HOST, USER
from zephyr_deploy.node.held import require_agent
from zephyr_deploy.node.hostkeys import alias_of
from zephyr_deploy.node.knownhosts import write_private
from zephyr_deploy.paths import private_dir, state_dir
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filelock import FileLock

    from zephyr_deploy.node.route import Route

LOCK_S = 10.0
ALIVE_S = 15
NOTE = "# zephyr-deploy: how to reach its machines; it takes this away with the last of them"
HEAD = "# Written by zephyr-deploy; changes are lost."


class SshHost(Frozen):
    """One ``Host zephyr-NAME`` block; refuses what could become more than one value of one line."""

    alias: Annotated[str, Field(pattern=r"^zephyr-[a-z0-9-]+$")]
    host: Annotated[str, Field(pattern=HOST)]
    port: int
    user: Annotated[str, Field(pattern=USER)]
    known_hosts: Path
    identities: tuple[Path, ...] = ()
    proxy_jump: str | None = None
    proxy_command: str | None = None

    def lines(self) -> Iterator[str]:
        """The block, as ssh_config(5) has it.

        Raises:
            ConfigError: a value cannot be written safely.
        """
        yield f"Host {self.alias}"
        yield f"  HostName {_literal(self.host)}"
        yield f"  User {_literal(self.user)}"
        yield f"  Port {self.port}"
        for key, value in self.options():
            yield f"  {key} {value}"

    def options(self) -> Iterator[tuple[str, str]]:
        """Everything but address, port and user: what ``ssh -o KEY=VALUE`` takes, too.

        Raises:
            ConfigError: a value cannot be written safely.
        """
        for identity in self.identities:
            yield "IdentityFile", _quoted(str(identity))
        if self.identities:
            yield "IdentitiesOnly", "yes"
        yield "UserKnownHostsFile", _quoted(str(self.known_hosts))
        yield "GlobalKnownHostsFile", "none"
        yield "StrictHostKeyChecking", "yes"
        yield "HostKeyAlias", self.alias
        yield "ServerAliveInterval", str(ALIVE_S)
        # Said even where there is none, lest a later `Host *` send this machine's traffic another way.
        yield "ProxyJump", _plain(self.proxy_jump) if self.proxy_jump else "none"
        if not self.proxy_jump:
            yield "ProxyCommand", _plain(self.proxy_command) if self.proxy_command else "none"


def ssh_host(name: str, route: Route, known_hosts: Path) -> SshHost:
    """The block for the machine of deployment ``name``, whose pin stands in ``known_hosts``.

    Raises:
        ConfigError: ssh would not get the key, which is in no file.
    """
    if route.identity_from is not None:
        require_agent(route.identity_from, f"this way to {route.asked}")
    return SshHost(
        alias=alias_of(name),
        host=route.host,
        port=route.port,
        user=route.user,
        known_hosts=known_hosts.absolute(),
        identities=route.identities,
        proxy_jump=route.proxy_jump,
        proxy_command=route.proxy_command and route.proxy_command.replace("%", "%%"),
    )


def own_config() -> Path:
    """This tool's own configuration file for ssh."""
    return state_dir() / "ssh" / "config"


def user_config() -> Path:
    """The user's own."""
    return Path("~/.ssh/config").expanduser()


def is_included(config: Path | None = None) -> bool:
    """Whether the user's configuration includes ours already."""
    return _include_line() in _read(config or user_config()).splitlines()


def add_host(host: SshHost, *, config: Path | None = None) -> None:
    """Make ``ssh zephyr-NAME`` work: write or replace its block, and see that the user's configuration includes it.

    Args:
        host: The block.
        config: The user's configuration; ``~/.ssh/config`` if None.

    Raises:
        ConfigError: a value cannot be written safely, or a file cannot be read or written.
        LockedError: another process is at it for too long.
    """
    block = "".join(line + "\n" for line in host.lines())
    lock = _lock()
    try:
        blocks = {**_blocks(), host.alias: block}
        _write_own(blocks)
        _include(config or user_config())
    finally:
        lock.release()


def remove_host(name: str, *, config: Path | None = None) -> None:
    """Take the block of deployment ``name`` away, and with the last one the ``Include``; one that is not there is fine.

    Raises:
        ConfigError: a file cannot be read or written.
        LockedError: another process is at it for too long.
    """
    if not own_config().exists():
        return
    lock = _lock()
    try:
        blocks = _blocks()
        blocks.pop(alias_of(name), None)
        if blocks:
            _write_own(blocks)
        else:
            _exclude(config or user_config())
            own_config().unlink(missing_ok=True)
    finally:
        lock.release()


def vscode_link(name: str, path: str = "/") -> str:
    """What opens ``path`` of the machine in VS Code, with its Remote - SSH extension.

    Raises:
        ConfigError: ``path`` is not absolute.
    """
    if not path.startswith("/"):
        raise ConfigError(f"{path!r} is not an absolute path", hint="Write it from the root: /home/ubuntu")
    return f"vscode://vscode-remote/ssh-remote+{alias_of(name)}{quote(path)}"


def _lock() -> FileLock:
    path = own_config().with_name("config.lock")
    try:
        return acquire(path, LOCK_S)
    except Timeout as error:
        message = f"another process has been changing ssh's configuration for {LOCK_S:g} s"
        raise LockedError(message, hint=f"See who holds it: fuser {path}") from error


def _blocks() -> dict[str, str]:
    """The blocks of the own file, by alias."""
    found = re.split(r"^(?=Host )", _read(own_config()), flags=re.MULTILINE)[1:]
    return {block.split(None, 2)[1]: block for block in found}


def _write_own(blocks: dict[str, str]) -> None:
    private_dir(own_config().parent)
    write_private(own_config(), "\n".join([HEAD, *(blocks[alias] for alias in sorted(blocks))]))


def _include(config: Path) -> None:
    """Put the ``Include`` above all else, once."""
    text, rest = _read(config), _without_include(_read(config))
    wanted = f"{NOTE}\n{_include_line()}\n" + (f"\n{rest}" if rest else "")
    if text != wanted:
        _write_config(config, wanted)


def _exclude(config: Path) -> None:
    text = _read(config)
    rest = _without_include(text)
    if rest != text:
        _write_config(config, rest)


def _without_include(text: str) -> str:
    """The user's own lines, exactly as they are."""
    ours = f"(?:{re.escape(NOTE)}\n)?^[ \t]*{re.escape(_include_line())}[ \t]*(?:\n\n?|$)"
    return re.sub(ours, "", text, flags=re.MULTILINE)


def _include_line() -> str:
    path = str(own_config())
    if re.search(r"[*?\[\]]", path):
        hint = "Point ZEPHYR_STATE_DIR at a folder without these characters."
        raise ConfigError(f"ssh reads the path {path} as a pattern", hint=hint)
    return f"Include {_quoted(path)}"


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", hint=f"See: ls -l {path}; file {path}") from error


def _write_config(config: Path, text: str) -> None:
    """Replace the user's file, with its mode, where it is: it may be a link into a folder of dotfiles."""
    target = config.resolve()
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o600
    private_dir(target.parent)
    write_private(target, text, mode)


def _plain(value: str) -> str:
    """A value that runs to the end of its line.

    Raises:
        ConfigError: it has more than one line.
    """
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise ConfigError(f"{value!r} cannot stand in ssh's configuration", hint="Take the control characters out.")
    return value


def _literal(value: str) -> str:
    """A value in which ssh replaces ``%`` tokens."""
    return _plain(value).replace("%", "%%")


def _quoted(path: str) -> str:
    """A path, between quotes; what ssh would read in it as more than a path is refused.

    Raises:
        ConfigError: ssh has no way to write it.
    """
    if '"' in path or "\\" in path or "${" in path:
        hint = "Use a path without quotes, backslashes and ${."
        raise ConfigError(f"the path {path} cannot be written in ssh's configuration", hint=hint)
    return f'"{_literal(path)}"'
