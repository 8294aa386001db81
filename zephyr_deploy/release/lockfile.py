"""zephyr.lock: what a deployment is made of, to be kept beside zephyr.toml under version control.

JSON with sorted keys and one thing a line, so that a difference reads as one. It holds no secret.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from zephyr_deploy import __version__
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.node.address import known_name
from zephyr_deploy.plan.model.facts import ModelFacts
from zephyr_deploy.release.lock import Lock, LockedFile, LockedImage
from zephyr_deploy.release.serving import Serving, serving_of
from zephyr_deploy.release.settings import wanted_settings
from zephyr_deploy.spec.base import EngineName, Frozen, ProviderName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.release.release import Release

FORMAT: Literal[1] = 1
CONFLICT = "<<<<<<<"
"""What git begins a line with where two branches have changed the same."""
ANEW = "`zephyr-deploy lock` writes it anew."


class FileEngine(Frozen):
    """The engine's container."""

    name: EngineName
    version: str
    """The tag of its image; empty where it is asked for by digest alone."""
    image: str
    """As it was asked for."""
    digest: str


class FileGateway(Frozen):
    """The gateway's container."""

    image: str
    digest: str


class FileModel(Frozen):
    """The model's repository."""

    repo: str
    revision: str | None
    """What was asked for; None: its main branch."""
    commit: str
    hub: str
    """Where its files come from: a release names it."""
    files: tuple[LockedFile, ...]
    facts: ModelFacts | None
    """What the planner went by; None: nothing was known."""


class FileMachine(Frozen):
    """A machine as it was when the lock was written."""

    gpus: tuple[str, ...] = ()
    """As the driver calls them; none on the machine of a gateway."""
    driver: str = ""
    host_key: str = ""
    """``SHA256:…``; empty for a machine of a cloud, which is made anew now and then, and whose key its stamp has."""


class LockFile(Frozen):
    """The whole file."""

    format: Literal[1] = FORMAT
    deployment: str
    provider: ProviderName
    tool: str
    """Version of zephyr-deploy: another may render the same wish otherwise."""
    release: str
    """Id of the release that all this makes."""
    engine: FileEngine
    gateway: FileGateway
    model: FileModel
    settings: dict[str, object]
    """What was wanted, by setting."""
    serving: Serving
    """What came of it: how the engine is told to serve."""
    machines: dict[str, FileMachine]
    """By the name that ssh gives them in ``known_hosts``; those of a cloud by the cloud's."""

    @property
    def pins(self) -> Lock:
        """The lock of its release."""
        return Lock(
            engine=LockedImage(name=self.engine.image, digest=self.engine.digest),
            gateway=LockedImage(name=self.gateway.image, digest=self.gateway.digest),
            repo=self.model.repo,
            asked_revision=self.model.revision,
            commit=self.model.commit,
            files=self.model.files,
            model=self.model.facts,
        )


def machine_name(address: NodeAddress) -> str:
    """What a machine of the user's own is called in it: ``host``, or ``[host]:port``; whoever logs in."""
    return known_name(*address.place)


def lockfile_of(plan: Plan, lock: Lock, release: Release, machines: Mapping[str, FileMachine]) -> LockFile:
    """The file for a release, and for the machines that it was planned for."""
    return LockFile(
        deployment=plan.deployment.name,
        provider=plan.deployment.provider,
        tool=__version__,
        release=release.id,
        engine=FileEngine(
            name=plan.engine, version=_tag(lock.engine.name), image=lock.engine.name, digest=lock.engine.digest
        ),
        gateway=FileGateway(image=lock.gateway.name, digest=lock.gateway.digest),
        model=FileModel(
            repo=lock.repo,
            revision=lock.asked_revision,
            commit=lock.commit,
            hub=plan.hub,
            files=lock.files,
            facts=lock.model,
        ),
        settings=wanted_settings(plan.deployment),
        serving=serving_of(plan.serve),
        machines=dict(machines),
    )


def lock_text(lock: LockFile) -> str:
    """As it is written."""
    return _pretty(lock.model_dump(mode="json")) + "\n"


def read_lock(text: str, shown: str) -> LockFile:
    """Read one.

    Args:
        text: Its content.
        shown: Its path, as messages have it.

    Raises:
        ConfigError: it is none, or one of another version.
    """
    if any(line.startswith(CONFLICT) for line in text.splitlines()):
        hint = f"Settle the change to zephyr.toml first; then {ANEW}"
        raise ConfigError(f"{shown} holds two sides of a merge that was not settled", hint=hint)
    try:
        document = json.loads(text)
        version = document["format"]
        if version != FORMAT:
            hint = 'Use the version of zephyr-deploy that wrote it (its line "tool" says which).'
            raise ConfigError(f"{shown} has format {version!r}, and this version reads {FORMAT}", hint=hint)
        return LockFile.model_validate(document)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ConfigError(f"{shown} is no lock: {where} is wrong or missing", hint=ANEW) from error
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigError(f"{shown} is no lock of a deployment", hint=ANEW) from error


def _tag(image: str) -> str:
    """The tag of an image's name; a port of its registry is none."""
    _repository, colon, tag = image.partition("@")[0].rpartition(":")
    return tag if colon and "/" not in tag else ""


def _pretty(value: object, indent: str = "") -> str:
    """JSON with every key of an object, and every item of a list, on a line of its own."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        lines = [f"{deeper}{json.dumps(key)}: {_pretty(value[key], deeper)}" for key in sorted(value)]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"{deeper}{json.dumps(item, sort_keys=True)}" for item in value) + f"\n{indent}]"
    return json.dumps(value)
