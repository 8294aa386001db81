"""Where a deployment's machines are: by this user's note, else by the clouds whose credentials are at hand.

A deployment that another laptop started is found by what its cloud keeps, noted here, and from then on is as if it had
been started here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from zephyr_deploy.deploy import guests
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.errors import CredentialsError, ZephyrError
from zephyr_deploy.node.held import GUEST
from zephyr_deploy.node.sshkey import login_key
from zephyr_deploy.paths import checked_name
from zephyr_deploy.providers.local import processes
from zephyr_deploy.providers.local.folder import Folder
from zephyr_deploy.providers.nodes.record import record_of
from zephyr_deploy.providers.registry import cloud, clouds, is_cloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from zephyr_deploy.node.sshkey import LoginKey
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.nodes.record import NodesRecord

Found = TypeVar("Found")


def known(name: str) -> NodesRecord | None:
    """The machines of deployment ``name``; None where it has none, or is on this machine.

    Raises:
        ConfigError: no deployment can be called ``name``; there are several machines of it in a cloud.
        AuthError, UnreachableError: a cloud cannot be asked, and no other has it.
    """
    record = record_of(checked_name(name))
    if record is not None:
        return noted_in(cloud(record.provider), name) if _shuts_out(record) else record
    asked = configured_clouds()
    if not asked or is_here(name):
        return None
    failures: list[ZephyrError] = []
    for one in asked:
        try:
            found = noted_in(one, name)
        except ZephyrError as error:
            failures.append(error)  # Another cloud may have it.
        else:
            if found is not None:
                return found
    if failures:
        raise failures[0]
    return None


def noted_in(one: CloudProvider, name: str, key: Callable[[], LoginKey] = login_key) -> NodesRecord | None:
    """The machine that a cloud has of deployment ``name``, noted, and this user let in; None where it has none.

    Args:
        one: The cloud.
        name: Of the deployment.
        key: Gives what this user logs in with, where that is not noted yet.

    Raises:
        ConflictError: there are several.
        AuthError, UnreachableError: the cloud cannot be asked, where it has to be.
    """
    record = record_of(name)
    if record is not None and record.provider != one.name:
        record = None
    if record is not None and not _shuts_out(record):
        return record
    from zephyr_deploy.deploy.clouds.adopt import adopt  # only who has such a machine needs it

    instance = next(iter(one.reachable(name)), None)
    return adopt(one, instance, key) if instance else record


def _shuts_out(record: NodesRecord) -> bool:
    """Whether this process has to be let in first: guests are one by one, and a guest of before is nobody now."""
    if not is_cloud(record.provider) or guests.is_in(record.name):
        return False
    return guests.visit() is not None or record.entry.identity_from == GUEST


def begun_in(name: str) -> str | None:
    """The cloud that this user's note names, or the journal, where a launch was cut off before there was a note."""
    record = record_of(checked_name(name))
    if record is not None:
        return record.provider if is_cloud(record.provider) else None
    named = [entry for entry in Journal(name).entries() if is_cloud(entry.facts.get("provider", ""))]
    return named[-1].facts["provider"] if named and named[-1].stage != "failed" else None


def is_here(name: str) -> bool:
    """Whether it runs on this machine itself, or should.

    A folder of that name says nothing: whoever has looked at a machine has its host key there, and a launch that was
    cut off has a journal.
    """
    return Folder(name).record() is not None or bool(processes.find(name))


def configured_clouds() -> list[CloudProvider]:
    """Those whose credentials are at hand."""
    return [one for one in clouds() if one.configured()]


def required_clouds() -> list[CloudProvider]:
    """Those whose credentials are at hand.

    Raises:
        CredentialsError: there are none for any cloud.
    """
    found = configured_clouds()
    if not found:
        raise without_credentials(clouds())
    return found


def of_each(
    asked: Iterable[CloudProvider],
    ask: Callable[[CloudProvider], Iterable[Found]],
    on_trouble: Callable[[str], None] | None = None,
) -> list[Found]:
    """What these clouds answer, together; one that cannot be asked does not keep the others.

    Args:
        asked: The clouds.
        ask: What of each.
        on_trouble: Told of a cloud that cannot be asked, and why; None: that is an error.

    Raises:
        ZephyrError: a cloud cannot be asked, and nobody is told.
    """
    found = list[Found]()
    for one in asked:
        try:
            found += ask(one)
        except ZephyrError as error:
            if on_trouble is None:
                raise
            on_trouble(f"{one.name} cannot be asked: {error.message}")
    return found


def without_credentials(asked: Sequence[CloudProvider], gpu: str | None = None) -> CredentialsError:
    """That none of these clouds can be asked anything, and what each wants.

    Args:
        asked: The clouds.
        gpu: What was to come from one of them; then what does without a cloud is told, too.
    """
    ways = "; ".join(f"{one.name}: {' or '.join(one.wants)}" for one in asked)
    hint = f"Set those of one ({ways})." if ways else "This version has no cloud."
    details = {"wants": {one.name: list(one.wants) for one in asked}}
    if gpu is None:
        return CredentialsError("there are credentials for no cloud", hint=hint, details=details)
    message = f"{gpu} is to be had from a cloud, and there are credentials for none"
    hint += " A machine of yours: --provider ssh --host HOST. A small model on this machine: --provider local."
    return CredentialsError(message, hint=hint, details=details)
