"""What costs on while its cloud cannot be asked: this user's own notes have it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.clouds.lately import machines_made
from zephyr_deploy.deploy.clouds.pending import pending
from zephyr_deploy.errors import CredentialsError, UnreachableError
from zephyr_deploy.providers.nodes.record import record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.providers.clouds.contract import CloudProvider


@contextmanager
def reminding(cloud: CloudProvider, name: str) -> Iterator[None]:
    """Have an error that keeps the cloud from being asked say what may cost on, and how it is taken away."""
    try:
        yield
    except (CredentialsError, UnreachableError) as error:
        said = costs_on(cloud, name)
        if not said:
            raise
        hint = f"{error.hint or 'Run it again.'} To end what costs, after that: zephyr-deploy down {name}"
        raise type(error)(f"{error.message}\n  {said}", hint=hint, details=error.details) from error


def costs_on(cloud: CloudProvider, name: str) -> str:
    """What of deployment ``name`` is there by what is noted here; empty: nothing is."""
    record, made = record_of(name), machines_made(name, cloud)
    if record is not None and record.provider == cloud.name:
        machine, price, expires = str(record.entry), record.price_per_hour_usd, record.expires
        since = record.since
    elif made:
        machine, price, expires = made[-1].id, made[-1].stamp.price_per_hour_usd, made[-1].stamp.expires
        since = made[-1].created_at
    else:
        asked = pending(name, cloud)
        return f"A machine may have been ordered for {name} before, and would cost." if asked else ""
    begun = f" since {since:%Y-%m-%d %H:%M} UTC" if since else ""
    said = f"Machine {machine} of {name} is noted here: as long as it is there, it costs ${price:.2f} an hour{begun}"
    if expires is None or cloud.bills_when_off:
        return f"{said}."
    ends = "ends itself" if expires > datetime.now(timezone.utc) else "was to end itself"
    return f"{said}; it {ends} at {expires:%Y-%m-%d %H:%M} UTC at the latest."
