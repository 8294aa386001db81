"""What a machine in a cloud is told at its first boot: to end itself, and to hear when it is taken back. No secret."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

from zephyr_deploy.release.request import figures
from zephyr_deploy.release.templates import render_template
from zephyr_deploy.resources import PACKAGE
from zephyr_deploy.spec.base import EngineName

EVERY = timedelta(minutes=1)
GRACE = timedelta(minutes=30)
"""What a machine has beyond ``idle`` as long as no engine has answered: to be prepared, and to load a model."""
MOST = 16 * 1024
"""Bytes of user data that every cloud takes; EC2 counts them before base64 (Instance metadata and user data)."""


def user_data(
    ttl: timedelta | None,
    idle: timedelta | None,
    *,
    every: timedelta = EVERY,
    grace: timedelta = GRACE,
    metadata_url: str | None = None,
) -> str:
    """A cloud-config that has the machine power itself off, with nobody connected.

    Args:
        ttl: How long it may live, counted on the machine from its first boot on; None: for ever.
        idle: How long it may be without a request; None: for ever.
        every: How often it looks.
        grace: What it has beyond ``idle`` while no engine has answered since a boot or a deployment.
        metadata_url: Base of the service that tells it of an interruption; None: it cannot be taken back.
    """
    install = render_template(
        "cloud-init/expire.sh.jinja",
        program=_program("expire.py"),
        interruption=_program("interruption.py") if metadata_url else "",
        metadata_url=metadata_url,
        limits=_limits(ttl, idle, grace),
        every_s=f"{every.total_seconds():g}",
        longest_s=f"{max(60.0, every.total_seconds() / 2):g}",
    )
    return render_template("cloud-init/user-data.jinja", install=install.rstrip("\n"))


def _program(name: str) -> str:
    return (PACKAGE / "agent" / name).read_text(encoding="utf-8").rstrip("\n")


def _limits(ttl: timedelta | None, idle: timedelta | None, grace: timedelta) -> dict[str, Any]:
    """As `zephyr_deploy.agent.expire` reads them."""
    names = [figures(engine) for engine in get_args(EngineName)]
    return {
        "ttl_s": ttl.total_seconds() if ttl is not None else None,
        "idle_s": idle.total_seconds() if idle is not None else None,
        "grace_s": grace.total_seconds(),
        "counters": _called(names, "requests", "generated_tokens"),
        "gauges": _called(names, "running", "queued"),
    }


def _called(names: list[dict[str, str]], *ours: str) -> list[str]:
    return sorted({theirs[one] for theirs in names for one in ours if one in theirs})
