"""A guest: one run that a machine's firewall lets in for a time, and the words by which a rule of it says so.

The words are all that stands between a guest that was killed and a rule that stays open: whoever comes next, or cleans
up, closes what is past its end.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from zephyr_deploy.spec.base import Frozen, ProviderName

SEVERAL = ""
"""In place of a run: more than one comes from that network, and so none of them closes it when it goes."""
_WORDS = re.compile(r"zephyr-deploy guest (?:([0-9a-f]{8})|several) until (\d{8}T\d{6}Z)")
_TIME = "%Y%m%dT%H%M%SZ"
"""Without colons: what E2E's descriptions may have is not known."""


class Visit(Frozen):
    """Who is a guest, and for how long."""

    run: str
    """Of the process: eight hexadecimal digits."""
    lasts: timedelta


class Opening(Frozen):
    """A rule that lets a guest's network reach a machine's SSH."""

    provider: ProviderName
    region: str
    group: str
    """Id of the security group."""
    deployment: str
    network: str
    run: str
    """Whose it is; empty: of several."""
    until: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.until <= now

    def __str__(self) -> str:
        """For a receipt."""
        return f"SSH from {self.network} ({self.provider} {self.region})"


class Said(NamedTuple):
    """What the words of a rule say."""

    run: str
    until: datetime

    def __str__(self) -> str:
        return f"zephyr-deploy guest {self.run or 'several'} until {self.until:{_TIME}}"


def read_words(text: str) -> Said | None:
    """What a rule says of a guest; None where it is there for good."""
    found = _WORDS.fullmatch(text)
    if not found:
        return None
    try:
        until = datetime.strptime(found[2], _TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return Said(found[1] or SEVERAL, until)


def words_for(there: str | None, visit: Visit | None, now: datetime, for_good: str) -> str:
    """What the rule of a network says once one more is let in from there.

    Args:
        there: What it says now; None: there is no such rule.
        visit: Of whom is let in; None: who may for good.
        now: The time.
        for_good: What it says of those.
    """
    said = read_words(there) if there is not None else None
    if there is not None and said is None:
        return there
    if visit is None:
        return for_good
    until = (now + visit.lasts).replace(microsecond=0)
    if said is None or said.until <= now:
        return str(Said(visit.run, until))
    run = visit.run if said.run == visit.run else SEVERAL
    return str(Said(run, max(until, said.until)))
