"""A machine's host keys by its console, which no network lies between."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zephyr_deploy.errors import GoneError
from zephyr_deploy.node.knownhosts import HostKey
from zephyr_deploy.providers.aws.errors import reading

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.types import Instance

BLOCK = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
"""As cloud-init writes it (its module keys_to_console)."""
KEY = re.compile(r"(?:ssh-|ecdsa-)\S+ AAAA[0-9A-Za-z+/=]+")


def host_keys(session: AwsSession, instance: Instance) -> tuple[HostKey, ...]:
    """See `ShowsHostKeys.host_keys`."""
    try:
        with reading("ec2:GetConsoleOutput"):
            answer = session.ec2(instance.region).get_console_output(InstanceId=instance.id, Latest=True)
    except GoneError:
        return ()
    return keys_in(answer.get("Output") or "")


def keys_in(console: str) -> tuple[HostKey, ...]:
    """The keys of the last boot; none as long as the block is not whole."""
    blocks = BLOCK.findall(console)
    # Other programs write to the same console, and may cut a line.
    return tuple(HostKey.parse(text) for text in (KEY.findall(blocks[-1]) if blocks else ()) if _is_whole(text))


def _is_whole(text: str) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        load_ssh_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True
