"""Why a wish, a machine or a release is not what zephyr.lock says: pure functions, each reason with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy import __version__
from zephyr_deploy.engines.base import Problem
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.gpus import is_meant
from zephyr_deploy.release.serving import serving_of
from zephyr_deploy.release.settings import wanted_settings
from zephyr_deploy.spec.values import toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.plan.machine import NodeFacts
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.release.lockfile import FileMachine, LockFile
    from zephyr_deploy.release.release import Release
    from zephyr_deploy.spec.deployment import Deployment

TAKE = "`zephyr-deploy lock` takes it into the lock."
REPLACE = "`zephyr-deploy up` without --locked brings that; `zephyr-deploy lock` then takes it into the lock."
SEE = "`zephyr-deploy lock --dry-run` shows what a new lock would have."


def refuse(problems: Sequence[Problem], shown: str, said: str) -> None:
    """Raise if there is any reason.

    Args:
        problems: The reasons.
        shown: Path of the lock.
        said: What is wrong with it, to go before the reasons.

    Raises:
        ConfigError: with all of them.
    """
    if problems:
        raise refusal(problems, shown, said)


def refusal(problems: Sequence[Problem], shown: str, said: str) -> ConfigError:
    """The error with these reasons; see `refuse`."""
    lines = [f"{problem.setting}: {problem.reason}. {problem.fix}" for problem in problems]
    hint = "`zephyr-deploy lock` writes it anew; commit it together with zephyr.toml."
    details = {"lock": shown, "reasons": [vars(problem) for problem in problems]}
    return ConfigError(f"{shown} {said}:\n  " + "\n  ".join(lines), hint=hint, details=details)


def nothing_to_lock(provider: str) -> ConfigError:
    """That what this provider serves has no image, and no machine to be looked at."""
    hint = "The version of zephyr-deploy pins the engine and the model that it brings for this machine; leave it out."
    return ConfigError(f"provider {provider} has nothing to lock", hint=hint)


def of_another_wish(lock: LockFile, deployment: Deployment, machines: Sequence[str] | None = None) -> list[Problem]:
    """Why a lock is not that of a wish, as far as nobody has to be asked for it.

    Args:
        lock: What is locked.
        deployment: What is wanted.
        machines: Where, by their names in the lock; None: nobody knows yet.
    """
    return [
        *_of_another(lock, deployment),
        *_settings(lock, deployment),
        *_ordered(lock, deployment),
        *(_machines(lock, machines) if machines is not None else ()),
    ]


def of_another_machine(name: str, locked: FileMachine | None, facts: NodeFacts) -> list[Problem]:
    """Why a machine is not what was locked; a newer driver is no reason."""
    if locked is None:
        return [Problem(f"machine {name}", "it is not in the lock", TAKE)]
    gpus = tuple(gpu.name for gpu in facts.gpus)
    if gpus != locked.gpus:
        reason = f"it has {_cards(gpus)}, and {_cards(locked.gpus)} is locked"
        return [Problem(f"machine {name}", reason, f"Use a machine with that; or {TAKE}")]
    driver = driver_of(facts)
    if _version(driver) < _version(locked.driver):
        reason = f"its driver is {driver or 'missing'}, older than {locked.driver}, which is locked"
        return [Problem(f"machine {name}", reason, f"Update the driver there; or {TAKE}")]
    return []


def has_newer_driver(locked: FileMachine, facts: NodeFacts) -> bool:
    """Whether a machine's driver is newer than the locked one: it can run all that the old one could."""
    return _version(driver_of(facts)) > _version(locked.driver)


def driver_of(facts: NodeFacts) -> str:
    """The version of a machine's driver; empty where it has none."""
    return facts.gpus[0].driver if facts.gpus else ""


def of_another_release(lock: LockFile, plan: Plan, release: Release) -> list[Problem]:
    """Why what would be brought is not the release that was locked, as far as one can tell."""
    if release.id == lock.release:
        return []
    said = Problem("release", f"it would be {release.id}, and {lock.release} is locked", SEE)
    return [said, *_causes(lock, plan)]


def _of_another(lock: LockFile, deployment: Deployment) -> Iterator[Problem]:
    if lock.deployment != deployment.name:
        fix = "Lock it under its own name, in a zephyr.toml or profile of its own."
        yield Problem("name", f"the lock is of {lock.deployment}, not of {deployment.name}", fix)
    if lock.tool != __version__:
        reason = f"zephyr-deploy {lock.tool} wrote it, and this is {__version__}, which may render it otherwise"
        yield Problem("tool", reason, f"`pip install zephyr-deploy=={lock.tool}`; or {TAKE}")
    if "provider" in deployment.model_fields_set and lock.provider != deployment.provider:
        yield Problem("provider", f"it is {deployment.provider}, and {lock.provider} is locked", TAKE)


def _settings(lock: LockFile, deployment: Deployment) -> Iterator[Problem]:
    wanted, locked = wanted_settings(deployment), lock.settings
    for name in sorted({*wanted, *locked}):
        if wanted.get(name) != locked.get(name):
            reason = f"it is {toml(wanted.get(name))}, and {toml(locked.get(name))} is locked"
            yield Problem(name, reason, TAKE)


def _ordered(lock: LockFile, deployment: Deployment) -> Iterator[Problem]:
    """Other cards, or another number of them: a cloud would be paid for them before anybody looks at the machine."""
    cards = lock.machines[lock.provider].gpus if lock.provider in lock.machines else ()
    card, count, shards = deployment.machine.gpu, deployment.machine.gpus, lock.serving.shards
    if cards and card and not is_meant(card, cards[0]):
        yield Problem("machine.gpu", f"it is {card}, and {_cards(cards)} is locked", REPLACE)
    if cards and count and count != shards:
        yield Problem("machine.gpus", f"it is {count}, and {shards} is locked", REPLACE)


def _machines(lock: LockFile, machines: Sequence[str]) -> Iterator[Problem]:
    for name in sorted({*machines} - {*lock.machines}):
        yield Problem(f"machine {name}", "it is wanted and not in the lock", TAKE)
    for name in sorted({*lock.machines} - {*machines}):
        yield Problem(f"machine {name}", "it is in the lock and not wanted", TAKE)


def _causes(lock: LockFile, plan: Plan) -> Iterator[Problem]:
    """What a release hangs on beside the settings."""
    if plan.hub != lock.model.hub:
        reason = f"it is {plan.hub}, and {lock.model.hub} is locked"
        yield Problem("HF_ENDPOINT", reason, f"Set it to that; or {TAKE}")
    planned, locked = serving_of(plan.serve).model_dump(mode="json"), lock.serving.model_dump(mode="json")
    for name in planned:
        if planned[name] != locked[name]:
            reason = f"{toml(planned[name])} is planned for this machine, and {toml(locked[name])} is locked"
            yield Problem(f"serving.{name}", reason, f"Use a machine like the locked one; or {TAKE}")
    access, machine = plan.deployment.access, plan.deployment.machine
    if not access.expose or machine.gateway:
        return
    if not access.cidr:
        reason = "it is unset, so that the network of whoever deploys is part of the release"
        yield Problem("access.cidr", reason, "Set it, then `zephyr-deploy lock`.")
    if not access.domain and not machine.host and not machine.hosts:
        reason = "it is unset, so that the machine's address is part of the release"
        yield Problem("access.domain", reason, "Set it, then `zephyr-deploy lock`.")


def _cards(names: Sequence[str]) -> str:
    """Cards in words, e.g. 2 x NVIDIA L4."""
    counted = {name: names.count(name) for name in names}
    return ", ".join(f"{count} x {name}" if count > 1 else name for name, count in counted.items()) or "no GPU"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
