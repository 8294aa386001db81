"""What the security group of a deployment lets in beside SSH: the ports of an exposed endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.providers.aws.firewall import admit, dismiss, require_group, rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.types import Instance

ENDPOINT = "zephyr-deploy endpoint"
"""Description of a rule that may be taken away again."""


def expose(session: AwsSession, instance: Instance, ports: Mapping[int, str]) -> None:
    """See `CloudProvider.expose`; what is missing is opened before what is too much is closed.

    One call each: EC2 refuses a call as a whole where one of its rules is there already.
    """
    group, region = require_group(session, instance), instance.region
    there, wanted = set(_openings(group)), set(ports.items())
    for port, network in sorted(wanted - there):
        admit(session, region, group, rule(port, network, ENDPOINT))
    for port, network in sorted(there - wanted):
        dismiss(session, region, group, rule(port, network, ENDPOINT))


def _openings(group: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Each port that was opened for an endpoint, with the network that it is open to."""
    for let in group.get("IpPermissions", ()):
        for source in (*let.get("IpRanges", ()), *let.get("Ipv6Ranges", ())):
            if source.get("Description") == ENDPOINT:
                yield let["FromPort"], source.get("CidrIp") or source["CidrIpv6"]
