"""What ``up --keep-alive`` does once the endpoint is up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.cli.session import Session
    from zephyr_deploy.deploy.results import UpResult
    from zephyr_deploy.deploy.rollout import RolloutOptions
    from zephyr_deploy.events import Listener
    from zephyr_deploy.spec.deployment import Deployment

    Bring = Callable[[Deployment, RolloutOptions, Listener], UpResult]


def require_cloud(deployment: Deployment) -> Deployment:
    """The same; its machine is one that can be made anew.

    Raises:
        UsageError: it is the user's own.
    """
    from zephyr_deploy.providers.registry import is_cloud

    if not is_cloud(deployment.provider):
        said = f"--keep-alive is for machines of a cloud; provider {deployment.provider} has only those that are there."
        raise UsageError(said, hint="Leave it out; a service that ends by itself is started again anyway.")
    return deployment


def keep(session: Session, deployment: Deployment, options: RolloutOptions, bring: Bring) -> None:
    """Watch the machine, and have another one made where it is taken back, until it is down or Ctrl-C is pressed.

    Args:
        session: Of the command.
        deployment: What is up; its provider is a cloud.
        options: With which it was brought up; another machine is agreed to, and has another host key.
        bring: Is `up`.
    """
    from dataclasses import replace

    from zephyr_deploy.deploy.clouds.watch import LOOK_S, Watch
    from zephyr_deploy.events import Phases
    from zephyr_deploy.node.hostkeys import Trust
    from zephyr_deploy.providers.registry import cloud

    again = replace(options, agree=None, trust=Trust())
    session.out.note(f"Its machine is looked at every {LOOK_S:.0f} s. Ctrl-C ends that, and leaves the endpoint alone.")
    with session.out.listening() as listener:
        phases = Phases(listener)
        Watch(cloud(deployment.provider), deployment, phases, lambda wanted: bring(wanted, again, listener)).run()
    session.out.hint(f"zephyr-deploy down {deployment.name} deletes what is left of it in the cloud.")
