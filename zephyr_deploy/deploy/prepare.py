"""Sees that machines can serve, and has the playbook bring what they lack. Where nothing is lacking, nothing is run."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.ansible import find_ansible, play
from zephyr_deploy.deploy.inventory import playbook, ssh_hosts
from zephyr_deploy.deploy.wanted import plan_of_member
from zephyr_deploy.errors import CapacityError, ConfigError, CredentialsError, UnreachableError, ZephyrError
from zephyr_deploy.node.inventory import host_vars, inventory
from zephyr_deploy.paths import deployment_dir, private_dir
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.readiness import gateway_lacks, lacks
from zephyr_deploy.resources import resource
from zephyr_deploy.spec.keys import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from zephyr_deploy.deploy.fleet import Fleet, Member
    from zephyr_deploy.deploy.journal import Journal
    from zephyr_deploy.deploy.played import Failure, Played
    from zephyr_deploy.events import PhaseHandle
    from zephyr_deploy.node.hostkeys import Trust
    from zephyr_deploy.node.sshconfig import SshHost
    from zephyr_deploy.plan.readiness import Lack
    from zephyr_deploy.spec.deployment import Deployment

LOG = "prepare.log"
NO_GPU = {"prepare_gpu": "false"}
"""For a gateway's machine, whatever else is in it."""
DEFAULTS = ("playbooks", "roles", "prepare", "defaults", "main.yml")
CAUSES: tuple[tuple[str, type[ZephyrError]], ...] = (
    ("without a password", CredentialsError),
    ("No space left on device", CapacityError),
    ("enough free space", CapacityError),
)
"""Words of a reason, and what kind of error it is; any other is one of configuration."""


def _nobody() -> None:
    """Nobody is asked."""


def prepare(
    fleet: Fleet, deployment: Deployment, trust: Trust, journal: Journal, about_to: Callable[[], None] = _nobody
) -> None:
    """Have the playbook bring what machines lack, all of them side by side, and look at them again.

    Nothing is begun where some machine lacks what no playbook brings, or could not serve the model afterwards;
    ``about_to`` is called where something is.

    Raises:
        ZephyrError: it is not to begin.
        ConfigError: Ansible is not installed, a machine cannot be prepared, or lacks something still.
        CredentialsError, CapacityError, UnreachableError, DeadlineError: the playbook failed for that reason.
    """
    needy = [member for member in fleet.machines if not member.has_python or _grave(member)]
    if not needy:
        return
    _refuse_what_is_vain(fleet, deployment)
    _refuse_unknown(deployment.machine.prepare)
    program, log = find_ansible(), private_dir(deployment_dir(fleet.name)) / LOG
    aliases = _aliases(fleet, needy)
    hosts = {
        host.alias: {**host_vars(host, batch=True), **deployment.machine.prepare, **(NO_GPU if m.is_gateway else {})}
        for m, host in aliases.items()
    }
    names = {host.alias: member.name for member, host in aliases.items()}
    about_to()
    title = "Prepare the machine" if not fleet.several else f"Prepare {len(needy)} machines"
    with fleet.phases.phase("prepare", title) as phase:
        journal.intend("prepare", nodes=" ".join(member.name for member in needy))
        try:
            played = play(program, playbook("prepare"), inventory(hosts), log, _teller(phase))
            _require_success(played, names, log)
        except ZephyrError as error:
            journal.failed("prepare", cause=error.message)
            raise
        changes = sum(played.changed.values())
        journal.done("prepare", changed=str(changes))
        phase.detail = f"{changes} changes"
    fleet.connect(trust, journal, needy)  # the machine may have restarted
    fleet.look(needy)
    _refuse_unready(fleet, f"What the playbook did is in {log}.")


def require_ready(fleet: Fleet) -> None:
    """See that every machine can serve, and warn of what is not as it should be.

    Raises:
        ConfigError: one lacks something.
    """
    _refuse_unready(fleet, "See all of it: `zephyr-deploy doctor --host HOST`.")
    for member in fleet.machines:
        for lack in _lacks(member):
            fleet.phases.notice(f"{member.name}: {lack.name}: {lack.detail}. {lack.fix}", warning=True)


def _refuse_unready(fleet: Fleet, hint: str) -> None:
    for member in fleet.machines:
        grave = _grave(member)
        if grave:
            raise _not_ready(member, grave, hint)


def _refuse_what_is_vain(fleet: Fleet, deployment: Deployment) -> None:
    for member in (member for member in fleet.machines if member.has_python):
        stays = [lack for lack in _grave(member) if not lack.preparable]
        if stays:
            raise _not_ready(member, stays, "No playbook brings that; nothing was changed.")
    for node in (member for member in fleet.members if member.has_python):
        if node.facts.gpus or not node.facts.nvidia_devices:  # what GPUs it has is known before a driver is there
            plan_of_member(fleet, node, deployment, known_model(deployment.model.id))


def _refuse_unknown(settings: Mapping[str, str]) -> None:
    known = re.findall(r"^(prepare_\w+):", resource(*DEFAULTS).read_text(encoding="utf-8"), re.MULTILINE)
    for name in settings:
        if name not in known:
            meant = nearest(name, known)
            message = f"machine.prepare: the playbook has no setting {name}" + (
                f"; did you mean {meant}?" if meant else ""
            )
            raise ConfigError(message, hint=f"All of them: {resource('playbooks', 'README.md')}")


def _lacks(member: Member) -> list[Lack]:
    missing = gateway_lacks if member.is_gateway else lacks
    return missing(member.facts, now=time.time())


def _grave(member: Member) -> list[Lack]:
    return [lack for lack in _lacks(member) if lack.grave]


def _not_ready(member: Member, grave: Sequence[Lack], hint: str) -> ConfigError:
    lines = "".join(f"\n  {lack.name}: {lack.detail}. {lack.fix}" for lack in grave)
    return ConfigError(f"{member.name} cannot serve yet:{lines}", hint=hint)


def _aliases(fleet: Fleet, needy: Sequence[Member]) -> dict[Member, SshHost]:
    hosts = ssh_hosts(fleet.name, [member.address for member in fleet.machines])
    return {member: host for member, host in zip(fleet.machines, hosts, strict=True) if member in needy}


def _teller(phase: PhaseHandle) -> Callable[[Played], None]:
    begun = time.monotonic()
    return lambda played: phase.progress(time.monotonic() - begun, None, "seconds", played.task)


def _require_success(played: Played, names: Mapping[str, str], log: Path) -> None:
    failures = [(names.get(host, host), failure) for host, failure in played.failures.items()]
    if failures:
        raise _failure(failures, log)
    if played.code:
        raise ConfigError(f"Ansible ended with {_ending(played.code)}: {played.last}", hint=f"All of it is in {log}.")


def _failure(failures: Sequence[tuple[str, Failure]], log: Path) -> ZephyrError:
    name, first = failures[0]
    message = "; ".join(f"{name} could not be prepared: {_in_our_words(failure)}" for name, failure in failures)
    kind = UnreachableError if first.unreachable else next((k for words, k in CAUSES if words in message), ConfigError)
    details = {"node": name, "task": first.task, "log": str(log)}
    return kind(message, hint=f"Put that right and run it again. What the playbook did is in {log}.", details=details)


def _in_our_words(failure: Failure) -> str:
    """The reason, with the flags that are typed here where it names those of ansible-playbook."""
    return re.sub(r"(?<!\S)-e (?=prepare_)", "--prepare-var ", failure.reason)


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
