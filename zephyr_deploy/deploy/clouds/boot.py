"""From a machine that a cloud has just been asked for to one that answers over SSH with the right host key."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zephyr_deploy.deploy import guests
from zephyr_deploy.errors import (
    CredentialsError,
    DeadlineError,
    HostKeyError,
    UnhealthyError,
    UnreachableError,
)
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.node.sshkey import login_key
from zephyr_deploy.providers.clouds.contract import ShowsHostKeys
from zephyr_deploy.providers.nodes.connect import connect, pin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.deploy.journal import Journal
    from zephyr_deploy.events import PhaseHandle, Phases
    from zephyr_deploy.node.hostkeys import Pinned
    from zephyr_deploy.node.sshkey import LoginKey
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Instance

RUNNING_S = 1200.0
"""GPU machines of some clouds take a quarter of an hour to come up."""
CONSOLE_S = 600.0
ANSWERS_S = 600.0
TRY_S = 10.0
"""Longest wait for one connection to a machine that is booting."""
PAUSES_S = (0.5, 1.0, 2.0, 3.0, 5.0)
"""Between looks at something that takes a while; the last is repeated."""


@dataclass(frozen=True)
class Boot:
    """Waits for one machine.

    Args:
        cloud: That has it.
        phases: What is told of.
        journal: For the pin, which is its audit.
        ours: Whether this user's own journal says that it was made for this user: else its key is not taken on trust.
        strange: Whether another call has made it: then this machine's address, or key, may not be let in yet.
        key: Gives what the user logs in with, where that is not noted yet.
    """

    cloud: CloudProvider
    phases: Phases
    journal: Journal
    ours: bool
    strange: bool = False
    key: Callable[[], LoginKey] = login_key

    def run(self, instance: Instance) -> Instance:
        """The machine once it answers.

        Raises:
            DeadlineError: it does not come up in time.
            UnhealthyError: it ended.
            HostKeyError: nobody can say which host key is the right one, or it shows another.
        """
        with self.phases.phase("boot", "Boot the machine") as phase:
            instance = self._running(instance, phase)
        with self.phases.phase("host-key", "Learn its host key") as phase:
            trust = self._trust(instance, phase)
        with self.phases.phase("answer", "Wait until it answers") as phase:
            shown = self._answers(instance, trust, phase)
        if shown and not instance.stamp.host_key:
            stamp = instance.stamp.model_copy(update={"host_key": shown})
            instance = self.cloud.restamp(instance, stamp)
        return instance

    def _running(self, instance: Instance, phase: PhaseHandle) -> Instance:
        name = instance.stamp.deployment
        for _ in _looks(RUNNING_S, f"{instance.id} to run", name, phase):
            instance = self.cloud.get(instance)
            if instance.state in {"gone", "failed", "stopping", "stopped"}:
                hint = f"`zephyr-deploy down {name}` takes away what is left; then `zephyr-deploy up` again."
                raise UnhealthyError(f"machine {instance.id} is {instance.state} instead of running", hint=hint)
            if instance.state == "running" and instance.address:
                self.cloud.record(instance, self.key).save()
                break
        return instance

    def _trust(self, instance: Instance, phase: PhaseHandle) -> Trust:
        """What may make the pin: the stamped key, else what the cloud shows, else, once, what a new machine shows."""
        name = instance.stamp.deployment
        if instance.stamp.host_key:
            return Trust(fingerprint=instance.stamp.host_key)
        if isinstance(self.cloud, ShowsHostKeys):
            for _ in _looks(CONSOLE_S, f"the console of {instance.id} to show its host keys", name, phase):
                if keys := self.cloud.host_keys(instance):
                    best = next((key for key in keys if key.type == "ssh-ed25519"), keys[0])
                    pin(name, self.cloud.record(instance, self.key).nodes[0], best)
                    self._audit(str(instance.address), best.fingerprint, "console")
                    return Trust(fingerprint=best.fingerprint)
        if self.ours:
            said = (
                f"{self.cloud.name} shows host keys nowhere, so the first key that {instance.address} shows is taken."
            )
            self.phases.notice(said, warning=True)
            return Trust(first_use=True, known=())
        hint = f"See it on the machine's console, then: zephyr-deploy up {name} --host-key SHA256:..."
        raise HostKeyError(f"nobody has verified the host key of {instance.id} yet", hint=hint)

    def _answers(self, instance: Instance, trust: Trust, phase: PhaseHandle) -> str:
        """Wait for a login; the fingerprint of the key that was pinned for it."""
        name, pinned = instance.stamp.deployment, [trust.fingerprint or ""]
        address = self.cloud.record(instance, self.key).nodes[0]

        def on_pinned(pin: Pinned) -> None:
            pinned[0] = pin.key.fingerprint
            self._audit(pin.name, pin.key.fingerprint, pin.source)

        # Whoever is a guest here has been none of this machine's, unless it was made for this very process.
        let_in = self.strange and guests.visit() is not None
        if let_in:
            guests.let_in(self.cloud, instance, address)
        for _ in _looks(ANSWERS_S, f"{instance.address} to answer", name, phase):
            try:
                with connect(name, address, trust, on_pinned=on_pinned, deadline_s=TRY_S) as node:
                    if let_in or guests.visit():
                        guests.admit(node, address)
                phase.detail = ""
                break
            except HostKeyError:
                raise
            except (UnreachableError, CredentialsError, DeadlineError) as error:
                # sshd answers before cloud-init has put the key there.
                phase.detail = error.message
                if self.strange:
                    guests.let_in(self.cloud, instance, address)
                    let_in = True
        return pinned[0]

    def _audit(self, host: str, fingerprint: str, source: str) -> None:
        self.journal.done("pin", host=host, fingerprint=fingerprint, source=source)
        self.phases.notice(f"Pinned the host key of {host}: {fingerprint} ({source}).")


def _looks(within_s: float, wait: str, name: str, phase: PhaseHandle) -> Iterator[None]:
    """One turn for each look, until the caller breaks.

    Raises:
        DeadlineError: it takes longer than ``within_s``.
    """
    began = time.monotonic()
    pauses = iter(PAUSES_S)
    while (passed := time.monotonic() - began) < within_s:
        phase.progress(passed, within_s, "seconds", wait)
        yield
        time.sleep(next(pauses, PAUSES_S[-1]))
    why = f": {phase.detail}" if phase.detail else ""
    hint = f"`zephyr-deploy up {name}` goes on waiting; `zephyr-deploy down {name}` takes it away."
    raise DeadlineError(f"waited {within_s:.0f} s for {wait}{why}", hint=hint)
