"""Forgets a deployment that is gone: what this machine keeps of it is deleted."""

from __future__ import annotations

from zephyr_deploy.providers.base import ProcessProvider
from zephyr_deploy.providers.registry import providers


def forget_state(name: str, *, purge: bool = False) -> list[str]:
    """Delete the folder of deployment ``name``; what was deleted, for a receipt.

    Args:
        name: Of a deployment of which nothing runs on this machine.
        purge: Delete its benchmarks too, and the downloaded models, unless another deployment runs here.
    """
    here = [one for one in providers() if isinstance(one, ProcessProvider)]
    forgotten = [line for one in here for line in one.forget(name, purge=purge)]
    if not purge:
        return forgotten
    from zephyr_deploy.deploy.kept import forget_reports  # what reads reports is no part of an ordinary `down`

    return [*forgotten, *forget_reports(name)]
