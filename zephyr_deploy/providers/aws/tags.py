"""Stamps as EC2's tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.providers.clouds.stamp import PREFIX, Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEPLOYMENT = f"{PREFIX}deployment"


def tag_list(stamp: Stamp) -> list[dict[str, str]]:
    """As calls take them; with a name for people who look at the console."""
    tags = {"Name": f"zephyr-deploy {stamp.deployment}", **stamp.tags()}
    return [{"Key": key, "Value": text} for key, text in tags.items()]


def specification(stamp: Stamp, *kinds: str) -> list[dict[str, Any]]:
    """``TagSpecifications``: what a call makes is tagged from its first moment."""
    return [{"ResourceType": kind, "Tags": tag_list(stamp)} for kind in kinds]


def stamp_of(thing: Mapping[str, Any]) -> Stamp | None:
    """The stamp of anything that a Describe call lists; None: it is none of ours."""
    tags: Iterable[Mapping[str, str]] = thing.get("Tags") or thing.get("TagSet") or ()
    return Stamp.read({tag["Key"]: tag["Value"] for tag in tags})


def tagged(name: str | None) -> list[dict[str, Any]]:
    """``Filters`` for what is deployment ``name``'s, or anybody's of ours."""
    if name is None:
        return [{"Name": "tag-key", "Values": [DEPLOYMENT]}]
    return [{"Name": f"tag:{DEPLOYMENT}", "Values": [name]}]
