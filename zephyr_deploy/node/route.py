"""From an address to the way there: what ``~/.ssh/config`` says about it."""

from __future__ import annotations

import getpass
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.node.address import SSH_PORT, NodeAddress, known_name
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ASK_S = 10.0
"""How long ``ssh -G`` may take, in seconds: a ``Match exec`` of the user's may run a program."""
DEFAULT_KEYS = tuple(f"~/.ssh/id_{kind}" for kind in ("rsa", "ecdsa", "ed25519"))

Settings = dict[str, list[str]]


class Route(Frozen):
    """How one machine is reached and logged in to; nothing in it is left to be looked up."""

    asked: str
    """The host as the user wrote it."""
    host: str
    port: int
    user: str
    identities: tuple[Path, ...] = ()
    """Keys that were chosen for this machine, by flag or in ssh's configuration; none: ssh's default keys."""
    only_identities: bool = False
    """Try no key of the agent but these."""
    identity_from: str | None = None
    """A key that is in no file, and the only one to be tried then; see `zephyr_deploy.node.held`."""
    agent: Path | None = None
    """The socket of the agent; None: there is none."""
    host_key_alias: str | None = None
    """``HostKeyAlias`` of ssh's configuration: under which name its key stands in the user's ``known_hosts``."""
    proxy_jump: str | None = None
    """``ProxyJump`` as it was written."""
    jump: Route | None = None
    """The machine through which this one is reached."""
    proxy_command: str | None = None

    @property
    def known_name(self) -> str:
        """Its name in the user's ``known_hosts``."""
        return self.host_key_alias or known_name(self.host, self.port)

    def __str__(self) -> str:
        """For messages: ``user@host:port``."""
        return f"{self.user}@{self.place}"

    @property
    def place(self) -> str:
        """For messages: ``host:port``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def resolve(address: NodeAddress, *, config: Path | None = None) -> Route:
    """Find the way to ``address``; what the address says itself wins over every file.

    ``ssh -G`` is asked, which knows ``Include``, ``Match`` and all tokens; where there is no ssh, paramiko reads
    the file, and knows no ``Include``.

    Args:
        address: Where to.
        config: Read this file in place of the user's and the system's.

    Raises:
        ConfigError: the configuration cannot be read, or leads in a circle.
    """
    return _resolve(address, config, ())


def _resolve(address: NodeAddress, config: Path | None, via: tuple[str, ...]) -> Route:
    if address.host in via:
        circle = " → ".join([*via, address.host])
        raise ConfigError(f"ProxyJump leads in a circle: {circle}", hint=f"See: ssh -G {via[0]}")
    settings = _settings(address, config)
    host = _first(settings, "hostname", address.host)
    port = address.port or int(_first(settings, "port", str(SSH_PORT)))
    user = address.user or _first(settings, "user", getpass.getuser())
    tokens = {"%": "%", "h": host, "n": address.host, "p": str(port), "r": user, "u": getpass.getuser()}
    tokens["d"] = str(Path.home())
    jumps = _said(settings, "proxyjump")
    command = None if jumps else _said(settings, "proxycommand")
    return Route(
        asked=address.host,
        host=host,
        port=port,
        user=user,
        identities=_identities(address, settings, tokens),
        identity_from=address.identity_from,
        only_identities=address.identity is not None or _first(settings, "identitiesonly", "no") == "yes",
        agent=_agent(settings, tokens),
        host_key_alias=_said(settings, "hostkeyalias"),
        proxy_jump=jumps,
        jump=_chain(jumps.split(","), config, (*via, address.host)) if jumps else None,
        proxy_command=_expand(command, tokens) if command else None,
    )


def _chain(jumps: Sequence[str], config: Path | None, via: tuple[str, ...]) -> Route:
    """The last of some jumps, reached through those before it; the first goes its own way, as with ssh."""
    route: Route | None = None
    for jump in jumps:
        address = NodeAddress.parse(jump.strip().removeprefix("ssh://").rstrip("/"))
        hop = _resolve(address, config, via)
        route = hop if route is None else hop.model_copy(update={"jump": route, "proxy_command": None})
    assert route is not None  # noqa: S101 - there is at least one: ssh says "none" otherwise
    return route


def _settings(address: NodeAddress, config: Path | None) -> Settings:
    port = ["-p", str(address.port)] if address.port else []
    user = ["-l", address.user] if address.user else []
    file = ["-F", str(config)] if config else []
    command = ["ssh", "-G", *file, *port, *user, "--", address.host]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=ASK_S, check=False)
    except FileNotFoundError:
        return _without_ssh(address, config or Path("~/.ssh/config").expanduser())
    except subprocess.TimeoutExpired as error:
        hint = f"See which line of your ssh configuration waits: {' '.join(command)}"
        raise ConfigError(f"ssh did not say within {ASK_S:g} s how to reach {address.host}", hint=hint) from error
    if answer.returncode:
        said = answer.stderr.strip().splitlines()[-1:] or ["ssh gave no reason"]
        raise ConfigError(f"ssh cannot read its configuration: {said[0]}", hint=f"Run: {' '.join(command)}")
    settings: Settings = {}
    for line in answer.stdout.splitlines():
        key, _, value = line.partition(" ")
        settings.setdefault(key.lower(), []).append(value)
    return settings


def _without_ssh(address: NodeAddress, config: Path) -> Settings:
    from paramiko import ConfigParseError, SSHConfig

    # First come, first served: what was typed stands before the file, so that tokens are filled in with it.
    typed = {"User": address.user, "Port": address.port}
    first = "".join(f"{key} {value}\n" for key, value in typed.items() if value)
    try:
        text = config.read_text() if config.exists() else ""
        found = SSHConfig.from_text(first + text).lookup(address.host)
    except (OSError, UnicodeDecodeError, ConfigParseError) as error:
        raise ConfigError(f"{config} cannot be read: {error}", hint=f"Look at {config}.") from error
    return {key: value if isinstance(value, list) else [value] for key, value in found.items() if value}


def _identities(address: NodeAddress, settings: Settings, tokens: Mapping[str, str]) -> tuple[Path, ...]:
    if address.identity_from is not None:
        return ()
    if address.identity is not None:
        return (address.identity.expanduser().absolute(),)
    said = settings.get("identityfile", [])
    if set(DEFAULT_KEYS[:2]) <= set(said):  # ssh lists its defaults where nothing was chosen
        return ()
    return tuple(Path(_expand(name, tokens)).expanduser() for name in said if name != "none")


def _agent(settings: Settings, tokens: Mapping[str, str]) -> Path | None:
    said = _first(settings, "identityagent", "SSH_AUTH_SOCK")
    if said == "none":
        return None
    variable = re.fullmatch(r"(SSH_AUTH_SOCK)|\$\{?(\w+)\}?", said)
    path = os.environ.get(variable[1] or variable[2], "") if variable else _expand(said, tokens)
    return Path(path).expanduser() if path and hasattr(socket, "AF_UNIX") else None


def _expand(text: str, tokens: Mapping[str, str]) -> str:
    return re.sub(r"%(.)", lambda found: tokens.get(found[1], found[0]), text)


def _first(settings: Settings, key: str, default: str) -> str:
    return settings.get(key, [default])[0]


def _said(settings: Settings, key: str) -> str | None:
    """A setting where ``none`` means that there is none."""
    value = _first(settings, key, "none")
    return None if value == "none" else value
