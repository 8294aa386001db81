"""`status`: how a deployment is, asked of the deployment itself."""

from __future__ import annotations

from datetime import datetime, timezone

from zephyr_deploy.deploy.down import cost_usd
from zephyr_deploy.deploy.find import services
from zephyr_deploy.deploy.results import StatusResult


def status(name: str) -> StatusResult:
    """Look at one deployment; never raises because it is absent or unwell."""
    now = datetime.now(timezone.utc)
    found = services(name)
    if not found:
        return StatusResult(name=name, service=None, at=now)
    service = found[0]
    age = (now - service.started_at).total_seconds()
    return StatusResult(name=name, service=service, age_s=age, cost_usd=cost_usd(service), at=now)
