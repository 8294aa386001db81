"""The machine of a deployment in a cloud, for a verb that works on it."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.clouds.choosing import wanted
from zephyr_deploy.deploy.clouds.elsewhere import machines_elsewhere, require_none_elsewhere, too_many
from zephyr_deploy.deploy.clouds.launch import Launch, agreed
from zephyr_deploy.deploy.clouds.unlike import tell_of_difference
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.deploy.known import noted_in
from zephyr_deploy.errors import NotDeployedError, ZephyrError
from zephyr_deploy.node.sshkey import login_key
from zephyr_deploy.providers.registry import cloud as cloud_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.deploy.clouds.launch import Wanted
    from zephyr_deploy.deploy.journal import Journal
    from zephyr_deploy.deploy.rollout import RolloutOptions
    from zephyr_deploy.events import Phases
    from zephyr_deploy.node.sshkey import LoginKey
    from zephyr_deploy.spec.deployment import Deployment, Machine


@contextmanager
def placed(
    deployment: Deployment, options: RolloutOptions, phases: Phases, journal: Journal, *, begins: bool
) -> Iterator[Fleet]:
    """The machine, not yet connected to; ``begins``: made where there is none, which is `up`.

    Whatever ends the work on a machine, the user hears what it costs and how it is taken away.

    Raises:
        NotDeployedError: there is none, and none is to be made.
        ConflictError: another cloud has one.
        ZephyrError: see `Launch.run`.
    """
    cloud = cloud_named(deployment.provider)
    if not begins:
        record = noted_in(cloud, deployment.name, partial(key_of, deployment.machine))
        if record is None:
            hint = f"Begin with `zephyr-deploy up {deployment.name}`."
            raise NotDeployedError(f"{cloud.name} has no machine of {deployment.name}", hint=hint)
        with Fleet.of(record, phases) as fleet:
            yield fleet
        return
    ordered = False

    def kind() -> Wanted:
        nonlocal ordered
        require_none_elsewhere(deployment.name, cloud.name, phases.notice)
        ordered = True
        return wanted(cloud, deployment)

    key = partial(key_of, deployment.machine)
    launch = Launch(cloud, deployment.name, phases, journal, kind, options.agree or agreed, key)
    instance = launch.run()
    try:
        if ordered:
            _tell_of_others(deployment.name, cloud.name, phases)
        tell_of_difference(instance, deployment, phases)
        with Fleet.of(cloud.record(instance), phases) as fleet:
            yield fleet
    except (KeyboardInterrupt, ZephyrError):
        launch.tell()
        raise


def key_of(machine: Machine) -> LoginKey:
    """What one logs in with to a machine that is wanted so.

    Raises:
        ConfigError, CredentialsError: there is no such key.
    """
    return login_key(Path(machine.identity).expanduser() if machine.identity else None, machine.identity_from)


def _tell_of_others(name: str, here: str, phases: Phases) -> None:
    """Say where another laptop has ordered a machine of the same name meanwhile, in another cloud."""
    found = machines_elsewhere(name, here, lambda _trouble: None)  # told before the order
    if found:
        phases.notice(too_many(name, found), warning=True)
