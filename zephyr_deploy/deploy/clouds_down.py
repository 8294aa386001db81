"""The part of `down` that deletes what clouds have of a deployment, whoever made it and from wherever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.known import configured_clouds, is_here
from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.providers.nodes.record import record_of
from zephyr_deploy.providers.registry import cloud, clouds, is_cloud

if TYPE_CHECKING:
    from zephyr_deploy.deploy.journal import Journal
    from zephyr_deploy.events import Phases
    from zephyr_deploy.providers.clouds.contract import CloudProvider
    from zephyr_deploy.providers.clouds.types import Resource


def take_off_clouds(name: str, phases: Phases, journal: Journal) -> list[Resource]:
    """Delete what clouds have of deployment ``name``; what was there and is gone.

    Raises:
        AuthError, UnreachableError: a cloud that has something cannot be asked.
        LeftoversError: something is still there. Either is raised once the other clouds have nothing left.
    """
    gone: list[Resource] = []
    failures: list[ZephyrError] = []
    takes = [(_vanished, one) for one in _clouds_of(name, journal)]
    takes += [(_there_too, one) for one in _clouds_besides(name)]
    for take, one in takes:
        try:
            gone += take(one, name, phases, journal)
        except ZephyrError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return gone


def _clouds_besides(name: str) -> list[CloudProvider]:
    """Others than the one that the note names."""
    record = record_of(name)
    if record is None or not is_cloud(record.provider):
        return []
    return [one for one in configured_clouds() if one.name != record.provider]


def _there_too(one: CloudProvider, name: str, phases: Phases, journal: Journal) -> list[Resource]:
    """Delete what another cloud has than the one that is noted: another laptop may have named that one.

    It may have nothing, so that one that cannot be asked is told of and keeps nobody.
    """
    try:
        there = one.resources(name)
    except ZephyrError as error:
        phases.notice(f"{one.name} cannot be asked whether it has {name}, too: {error.message}")
        return []
    if not there:
        return []
    phases.notice(f"{one.name} has {name}, too: that goes as well.", warning=True)
    return _vanished(one, name, phases, journal)


def _clouds_of(name: str, journal: Journal) -> list[CloudProvider]:
    """The cloud that the note names; else those that the journal names, and all where credentials are at hand.

    The latter not for what is on this machine itself.
    """
    record = record_of(name)
    if record is not None:
        return [cloud(record.provider)] if is_cloud(record.provider) else []
    stages = {entry.facts["provider"]: entry.stage for entry in journal.entries() if "provider" in entry.facts}
    begun = {provider for provider, stage in stages.items() if stage != "failed"}
    named = [one for one in clouds() if one.name in begun]
    others = [] if is_here(name) else configured_clouds()
    return [*named, *(one for one in others if one.name not in begun)]


def _vanished(one: CloudProvider, name: str, phases: Phases, journal: Journal) -> list[Resource]:
    from zephyr_deploy.deploy.clouds.vanish import Vanish  # for those who have something there

    return Vanish(one, name, phases, journal).run()
