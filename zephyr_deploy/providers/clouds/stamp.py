"""What everything that is made in a cloud carries from the moment it is made, so that any machine knows it again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone

from zephyr_deploy.paths import is_name
from zephyr_deploy.spec.base import Frozen

PREFIX = "zephyr-deploy:"
RUN = re.compile(r"[0-9a-f]{8}")


class Stamp(Frozen):
    """Whose a resource is. The cloud keeps it, as tags or in a name: it is the only state that counts."""

    deployment: str
    run: str
    """Which launch made it: eight hexadecimal digits."""
    expires: datetime | None = None
    """When it may be taken away by anybody; None: never."""
    price_per_hour_usd: float = 0.0
    """What it costs while it exists, as it was when it was made."""
    host_key: str = ""
    """``SHA256:…`` of the machine's host key, once somebody has verified it; empty before."""

    def tags(self) -> dict[str, str]:
        """As tags of a cloud that has some; empty parts are left out."""
        parts = {
            "deployment": self.deployment,
            "run": self.run,
            "expires": written(self.expires),
            "price": f"{self.price_per_hour_usd:.4f}" if self.price_per_hour_usd else "",
            "host-key": self.host_key,
        }
        return {f"{PREFIX}{name}": text for name, text in parts.items() if text}

    @classmethod
    def read(cls, tags: Mapping[str, str]) -> Stamp | None:
        """What tags say; None where they are none of ours, or were changed into something that cannot be read."""
        found = {key.removeprefix(PREFIX): text for key, text in tags.items() if key.startswith(PREFIX)}
        name, run = found.get("deployment", ""), found.get("run", "")
        if not is_name(name) or not RUN.fullmatch(run):
            return None
        return cls(
            deployment=name,
            run=run,
            expires=read_time(found.get("expires", "")),
            price_per_hour_usd=_number(found.get("price", "")),
            host_key=found.get("host-key", ""),
        )


def written(moment: datetime | None) -> str:
    """A moment as it stands in a tag, in UTC and to the second; ``never`` for None."""
    return f"{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}" if moment else "never"


def read_time(text: str) -> datetime | None:
    """The moment that a tag names; None where it names none."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
