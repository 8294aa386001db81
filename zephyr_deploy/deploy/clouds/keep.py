"""What `up --keep-alive` makes of what it meets: goes on, has another machine made, tries again, or ends. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from zephyr_deploy.errors import (
    DeadlineError,
    GoneError,
    HostKeyError,
    LockedError,
    NoCapacityError,
    QuotaError,
    UnhealthyError,
    UnreachableError,
)
from zephyr_deploy.spec.lifetime import LEAST

if TYPE_CHECKING:
    from zephyr_deploy.errors import ZephyrError
    from zephyr_deploy.providers.clouds.types import Ended, Instance
    from zephyr_deploy.providers.machines import Ending
    from zephyr_deploy.spec.deployment import Cost

AGAIN_S = 120.0
"""Until a machine that was not to be had is asked for again, in seconds: one that ends may fill a quota for a while."""
PAUSES_S = (15.0, 30.0, 60.0, 120.0)
"""After trouble of another kind, one try after the other; the last is repeated."""
BORNE = timedelta(minutes=30)
"""How long trouble of another kind may last: an outage of a cloud's API is over by then, or is a long one."""
EARLY = timedelta(minutes=2)
"""A machine that is gone so shortly before its time ended itself: it looks each minute, and its clock is its own."""


class Sight(NamedTuple):
    """One look."""

    instance: Instance | None
    """As its cloud has it; None: the cloud cannot be asked now."""
    ending: Ending | None = None
    """What the machine says of its end; None: it was not asked, or does not answer."""
    noted: bool = True
    """Whether this user still has a note of the deployment, which `down` takes away."""
    trouble: str = ""
    """Why the cloud cannot be asked."""


class Verdict(NamedTuple):
    """What follows."""

    then: Literal["watch", "again", "end"]
    """Look again; make another machine; or end, for there is nothing to be kept."""
    say: str = ""
    """To the user; empty: nothing that was not said before."""


@dataclass
class Keep:
    """One machine that is kept, as far as it is known."""

    instance: Instance
    moved: bool = False
    """Whether somebody has moved its end, with `extend`: what follows it then ends at that time, too."""
    taken_back: bool = False
    """Whether its cloud has given notice that it takes it back."""
    idle_at: datetime | None = None
    _in_trouble: bool = field(default=False, init=False)

    def see(self, sight: Sight, now: datetime) -> Verdict:
        """Take one look in; what follows from it."""
        if sight.instance is None:
            known, self._in_trouble = self._in_trouble, True
            provider = self.instance.provider
            return Verdict("watch", "" if known else f"{provider} cannot be asked now, and is again: {sight.trouble}")
        self._in_trouble = False
        if sight.instance.state != "gone":
            self.moved = self.moved or sight.instance.stamp.expires != self.instance.stamp.expires
        self.instance = sight.instance
        # One that its cloud says it takes is not waited for: a machine with GPUs takes minutes to end.
        if sight.instance.state == "gone" or (sight.instance.state, sight.instance.ended) == ("stopping", "taken-back"):
            return self._gone(sight, now)
        if sight.instance.state in {"stopped", "failed"}:
            said = f"{self._name} is {sight.instance.state}, and stays so"
            return Verdict("end", f"{said}; zephyr-deploy down {self._deployment} takes it away")
        return self._there(sight.ending)

    def _there(self, ending: Ending | None) -> Verdict:
        if ending is None:
            return Verdict("watch")
        self.idle_at = ending.idle_at
        new, self.taken_back = ending.taken_back and not self.taken_back, self.taken_back or ending.taken_back
        if not new:
            return Verdict("watch")
        at = f" at {ending.taken_back_at:%H:%M} UTC" if ending.taken_back_at else ""
        said = f"{self.instance.provider} takes {self._name} back{at}: it takes no new request"
        return Verdict("watch", f"{said}, and another one is ordered as soon as it ends")

    def _gone(self, sight: Sight, now: datetime) -> Verdict:
        why = self.why(sight, now)
        if why == "taken-back":
            return Verdict("again", f"{self._name} is {self.instance.state}: {self.instance.provider} took it back")
        if why == "deleted":
            return Verdict("end", f"{self._name} was taken down by somebody; nothing is left to be kept alive")
        if why is None and self.instance.spot:
            said = f"{self._name} is gone, and nobody says why; it could be taken back at any time"
            return Verdict("again", said)
        if why is None:
            said = f"{self._name} is gone, nobody says why, and it was not one that is taken back"
            return Verdict("end", f"{said}; for another one: zephyr-deploy up {self._deployment}")
        over = "its time was over" if _past(self.instance.stamp.expires, now) else "nobody used it"
        return Verdict("end", f"{self._name} has ended itself, for {over}; it is not replaced")

    def why(self, sight: Sight, now: datetime) -> Ended | None:
        """Why a machine that is gone has ended: by the cloud's word, else by what was last known; None: unknown."""
        if sight.instance is not None and sight.instance.ended is not None:
            return sight.instance.ended
        if self.taken_back:
            return "taken-back"
        if not sight.noted:
            return "deleted"
        if _past(self.instance.stamp.expires, now) or _past(self.idle_at, now):
            return "by-itself"
        return None

    @property
    def _name(self) -> str:
        return f"machine {self.instance.id}"

    @property
    def _deployment(self) -> str:
        return self.instance.stamp.deployment


def _past(at: datetime | None, now: datetime) -> bool:
    return at is not None and now >= at - EARLY


@dataclass
class Patience:
    """With what keeps another machine from being made: how often that is tried again, and for how long.

    What may pass by itself is: a cloud or a machine that is busy, broken or not reached, one that takes too long or is
    taken back while it boots, and another command at work. What its user has to put right is not: credentials, a wish
    that cannot be fulfilled, a host key that is another, an engine that does not start.
    """

    since: datetime | None = None
    """When the present trouble began; None: there is none."""
    tries: int = 0
    """That failed since then."""

    def wait_s(self, error: ZephyrError, now: datetime) -> float | None:
        """How long to wait after this before the next try, in seconds; None: it is not to be tried again."""
        if isinstance(error, (NoCapacityError, QuotaError)):
            self.since, self.tries = None, 0  # The cloud has answered.
            return AGAIN_S
        self.since = self.since or now
        if not _passes_by_itself(error) or now - self.since > BORNE:
            return None
        self.tries += 1
        return PAUSES_S[min(self.tries, len(PAUSES_S)) - 1]


def _passes_by_itself(error: ZephyrError) -> bool:
    if isinstance(error, HostKeyError):
        return False
    # A machine that ends while it boots is an UnhealthyError; the kinds of that which are left out speak of the engine.
    return isinstance(error, (UnreachableError, DeadlineError, GoneError, LockedError)) or type(error) is UnhealthyError


def left_of(cost: Cost, until: datetime | None, spent_usd: float, now: datetime) -> Cost | None:
    """What the next machine may cost, so that all of them together keep to the wish; None: too little to be of use.

    Args:
        cost: What the user has set, for all of them.
        until: When the last one is to end by its time limit; None: never.
        spent_usd: What the machines before it have cost.
        now: When it would be ordered.
    """
    ttl = None if until is None else timedelta(seconds=int((until - now).total_seconds()))
    budget = None if cost.budget_usd is None else cost.budget_usd - Decimal(f"{spent_usd:.4f}")
    if (ttl is not None and ttl < LEAST) or (budget is not None and budget <= 0):
        return None
    return cost.model_copy(update={"ttl": ttl, "budget_usd": budget})
