"""What ``gc --warn`` does beside the rest: shows what is to be known of machines, and tells whom ``[notify]`` names."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from zephyr_deploy.cli.options import seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from zephyr_deploy.cli.session import Session
    from zephyr_deploy.deploy.clouds.warn import Warned
    from zephyr_deploy.errors import ZephyrError
    from zephyr_deploy.spec.deployment import Deployment

COLUMNS = ("DEPLOYMENT", "PROVIDER", "MACHINE", "WHAT")


class Warner:
    """One call of it; what was typed, and zephyr.toml, are read here, before anything is deleted.

    Args:
        session: Of the command.
        within: What it was given.
        dry_run: Whether nobody is to be told.

    Raises:
        UsageError: ``within`` is no length of time.
        ConfigError: zephyr.toml cannot be read.
    """

    def __init__(self, session: Session, within: str, *, dry_run: bool) -> None:
        self.out = session.out
        self.within = timedelta(seconds=seconds(within))
        self.deployment: Deployment = session.load().deployment
        self.dry_run = dry_run
        self.failure: ZephyrError | None = None
        """Why somebody could not be told."""

    def found(self, troubles: list[str]) -> tuple[Warned, ...]:
        """What there is; it is told of. A cloud that cannot be asked is added to ``troubles``."""
        from zephyr_deploy.deploy.clouds.warn import warnings

        budget = self.deployment.cost.budget_usd
        asked: list[str] = []
        found = warnings(self.within, {self.deployment.name: budget} if budget else {}, asked.append)
        troubles += [trouble for trouble in asked if trouble not in troubles]
        if found and not self.dry_run:
            self._tell(found)
        return tuple(found)

    def table(self, found: Sequence[Warned]) -> RenderableType:
        """One row for each thing to be known."""
        from zephyr_deploy.deploy.notify.warned import sentence

        now = datetime.now(timezone.utc)
        return self.out.grid(
            COLUMNS, [(one.deployment, one.provider, one.machine, sentence(one, now)) for one in found]
        )

    def _tell(self, found: Sequence[Warned]) -> None:
        from zephyr_deploy.deploy.notify.told import named
        from zephyr_deploy.deploy.notify.warned import tell_of
        from zephyr_deploy.deploy.rehearse import rehearsing
        from zephyr_deploy.errors import ZephyrError

        if not named(self.deployment.notify):
            self.out.note("Nobody else is told: [notify] of zephyr.toml names nobody.")
            return
        if rehearsing():
            self.out.note("In a rehearsal nobody is told.")
            return
        try:
            told = tell_of(found, self.deployment.notify)
        except ZephyrError as error:
            self.failure = error  # raised when all else is done and shown
        else:
            known = len(found) - len(told)
            rest = f"; of {known} it was told before, or nobody wants to know" if known else ""
            self.out.note(f"Whom [notify] names was told of {len(told)}{rest}.")
