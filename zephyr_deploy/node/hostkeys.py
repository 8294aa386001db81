"""Which host key is the right one: pins, and what may make one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from zephyr_deploy.errors import HostKeyError
from zephyr_deploy.node.address import known_name
from zephyr_deploy.node.knownhosts import HostKey, Known, PinFile, read_known
from zephyr_deploy.paths import checked_name
from zephyr_deploy.spec import types
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.node.route import Route

FINGERPRINT = rf"^{types.FINGERPRINT}$"
Source = Literal["host-key", "known-hosts", "first-use"]


def alias_of(name: str) -> str:
    """The name of a deployment's machine for ssh and in pin files, whatever its address is now: ``zephyr-NAME``."""
    return f"zephyr-{checked_name(name)}"


def fingerprint(key: HostKey) -> str:
    """``SHA256:…``, as ssh and ssh-keygen print it."""
    return key.fingerprint


def user_known_hosts() -> tuple[Path, ...]:
    """Where ssh itself keeps the keys that this user, or the system, has accepted."""
    own = Path("~/.ssh").expanduser()
    return own / "known_hosts", own / "known_hosts2", Path("/etc/ssh/ssh_known_hosts")


class Trust(Frozen):
    """What the user allows besides the pin."""

    fingerprint: Annotated[str, Field(pattern=FINGERPRINT)] | None = None
    """The key must be this one (``--host-key``); it replaces another pin."""
    first_use: bool = False
    """Take the key of a machine of which no file knows one (``--trust-on-first-use``)."""
    known: tuple[Path, ...] = Field(default_factory=user_known_hosts)
    """Files of keys that the user has accepted elsewhere; those of jump hosts must stand here."""
    pins: dict[str, str] = Field(default_factory=dict)
    """Fingerprints that travel with the deployment, by ``host`` or ``[host]:port``; no other key counts there."""

    def at(self, host: str, port: int) -> Trust:
        """What is allowed of one machine: ``fingerprint`` where the user names it, else its pin, where it has one."""
        pin = self.pins.get(known_name(host, port)) or self.pins.get(host.lower())
        if self.fingerprint or pin is None:
            return self
        return self.model_copy(update={"fingerprint": pin, "first_use": False})


class Pinned(Frozen):
    """A pin that was made: the fact for the audit log."""

    alias: str
    name: str
    """``host`` or ``[host]:port``."""
    key: HostKey
    source: Source
    """What made it: ``--host-key``, a file of the user's, or ``--trust-on-first-use``."""
    replaced: tuple[str, ...] = ()
    """Fingerprints of the keys that were pinned before."""


def _ignore(_pinned: Pinned) -> None:
    """Nobody asked."""


@dataclass(frozen=True)
class HostKeys:
    """The host key of one deployment's machine.

    Args:
        file: The deployment's own ``known_hosts``.
        alias: Its name there that outlives its address; see `alias_of`.
        trust: What may make a pin.
        on_pinned: Told of every pin that is made.
    """

    file: Path
    alias: str
    trust: Trust = field(default_factory=Trust)
    on_pinned: Callable[[Pinned], None] = _ignore

    def pinned(self, route: Route) -> tuple[HostKey, ...]:
        """What is pinned: by alias, and only without one by address, so that a reused address misleads nobody."""
        pins = PinFile(self.file)
        return pins.keys(self.alias) or pins.keys(known_name(route.host, route.port))

    def preferred(self, route: Route) -> tuple[str, ...]:
        """The types of the keys that are pinned or known already."""
        known = self.pinned(route) or read_known(self.trust.known, route.known_name).keys
        return tuple(key.type for key in known)

    def check(self, route: Route, key: HostKey) -> None:
        """Return if ``key`` is pinned, or may be pinned now, and was.

        Raises:
            HostKeyError: it is another, or nobody can say; the hint has the flag that accepts it.
        """
        pinned = self.pinned(route)
        known = read_known(self.trust.known, route.known_name)
        _refuse_revoked(route, key, known)
        asked = self.trust.fingerprint
        if asked and key.fingerprint != asked:
            raise _not_as_asked(route, key, asked)
        if key in pinned:
            self._note_name(route, key)
            return
        if not asked and pinned:
            raise _another(route, key, pinned, str(self.file))
        source = _source(route, key, known, self.trust)
        if source is None:
            raise _unknown(route, key)
        self._pin(route, key, source, pinned)

    def _pin(self, route: Route, key: HostKey, source: Source, before: tuple[HostKey, ...]) -> None:
        name = known_name(route.host, route.port)
        PinFile(self.file).pin(key, self.alias, name)
        replaced = tuple(old.fingerprint for old in before)
        self.on_pinned(Pinned(alias=self.alias, name=name, key=key, source=source, replaced=replaced))

    def _note_name(self, route: Route, key: HostKey) -> None:
        """Write the present address beside the alias, for ssh and for the reader."""
        pins, name = PinFile(self.file), known_name(route.host, route.port)
        if not (key in pins.keys(self.alias) and key in pins.keys(name)):
            pins.pin(key, self.alias, name)


@dataclass(frozen=True)
class JumpKeys:
    """The host key of a machine on the way: the user has accepted it before, or it is refused."""

    trust: Trust

    def preferred(self, route: Route) -> tuple[str, ...]:
        """The types of the keys that are known already."""
        return tuple(key.type for key in read_known(self.trust.known, route.known_name).keys)

    def check(self, route: Route, key: HostKey) -> None:
        """Return if a file of the user's holds ``key``.

        Raises:
            HostKeyError: none does.
        """
        known = read_known(self.trust.known, route.known_name)
        _refuse_revoked(route, key, known)
        if key in known.keys:
            return
        if known.keys:
            hint = f"If it was made anew: ssh-keygen -R '{route.known_name}', then ssh {route.asked}"
            raise _another(route, key, known.keys, "your known_hosts", hint)
        hint = f"Log in to it once and compare the fingerprint there: ssh {route.asked}"
        raise HostKeyError(f"the key of the jump host {_offer(route, key)} is not known", hint=hint)


Verifier = HostKeys | JumpKeys
"""Says whether a machine shows the right key."""


def _source(route: Route, key: HostKey, known: Known, trust: Trust) -> Source | None:
    """What allows a first pin."""
    if trust.fingerprint:
        return "host-key"
    if key in known.keys:
        return "known-hosts"
    if known.keys:
        raise _another(route, key, known.keys, "your known_hosts")
    return "first-use" if trust.first_use else None


def _offer(route: Route, key: HostKey) -> str:
    return f"{route.place} ({key.type} {key.fingerprint})"


def _facts(route: Route, key: HostKey) -> dict[str, object]:
    return {"host": route.host, "port": route.port, "key_type": key.type, "fingerprint": key.fingerprint}


def _unknown(route: Route, key: HostKey) -> HostKeyError:
    hint = f"Compare it with what the machine or its provider says, then: --host-key {key.fingerprint}"
    return HostKeyError(f"the host key of {_offer(route, key)} is not known", hint=hint, details=_facts(route, key))


def _another(
    route: Route, key: HostKey, expected: tuple[HostKey, ...], where: str, hint: str | None = None
) -> HostKeyError:
    right = ", ".join(f"{one.type} {one.fingerprint}" for one in expected)
    message = (
        f"{route.place} shows another host key: {key.type} {key.fingerprint}, where {where} has {right}; "
        "this may be another machine at the same address, or someone in between"
    )
    hint = hint or f"If the machine was made anew and this is its key: --host-key {key.fingerprint}"
    details = {**_facts(route, key), "expected": [one.fingerprint for one in expected]}
    return HostKeyError(message, hint=hint, details=details)


def _not_as_asked(route: Route, key: HostKey, asked: str) -> HostKeyError:
    message = (
        f"{_offer(route, key)} has not the host key that --host-key, zephyr.toml, zephyr.lock or its cloud names "
        f"({asked}); "
        "this may be another machine at the same address, or someone in between"
    )
    hint = "Compare the fingerprints with what the machine or its provider says; nothing was sent to it."
    return HostKeyError(message, hint=hint, details={**_facts(route, key), "expected": [asked]})


def _refuse_revoked(route: Route, key: HostKey, known: Known) -> None:
    if key in known.revoked:
        hint = "Do not log in to it; ask who revoked the key."
        raise HostKeyError(f"the host key of {_offer(route, key)} is revoked", hint=hint, details=_facts(route, key))
