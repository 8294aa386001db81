"""The key pair of a deployment: the user's own where it has the same content, else one of ours."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConflictError
from zephyr_deploy.providers.aws.errors import reading
from zephyr_deploy.providers.aws.making import making
from zephyr_deploy.providers.aws.settle import until
from zephyr_deploy.providers.aws.tags import specification, stamp_of

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.types import Ledger, Order


def ready_key(session: AwsSession, order: Order, ledger: Ledger) -> str:
    """The name of a key pair with the order's public key; it is imported where there is none.

    One that carries another deployment's stamp is left alone, for it goes with that deployment; one without a stamp is
    the user's own, and stays.

    Raises:
        ConflictError: another key has the name.
    """
    return _usable(session, order) or _imported(session, order, ledger)


def key_name(order: Order) -> str:
    """By deployment and content, so that another user's key is another pair."""
    return f"zephyr-deploy-{order.stamp.deployment}-{hashlib.sha256(order.public_key.encode()).hexdigest()[:12]}"


def _usable(session: AwsSession, order: Order) -> str | None:
    """The name of a pair that is there and that may be used."""
    region, name = order.offer.region, key_name(order)
    with reading("ec2:DescribeKeyPairs"):
        there = session.ec2(region).describe_key_pairs(IncludePublicKey=True)["KeyPairs"]
    for pair in there:
        stamp = stamp_of(pair)
        ours = stamp is None or stamp.deployment == order.stamp.deployment
        if ours and _content(pair.get("PublicKey", "")) == order.public_key:
            return str(pair["KeyName"])
    if any(pair["KeyName"] == name for pair in there):
        hint = f"Delete it if nobody needs it: aws ec2 delete-key-pair --key-name {name} --region {region}"
        raise ConflictError(f"the key pair {name} in {region} is another key", hint=hint)
    return None


def _imported(session: AwsSession, order: Order, ledger: Ledger) -> str:
    region, name = order.offer.region, key_name(order)
    with making(ledger, "key", "ec2:ImportKeyPair", region=region, name=name) as said:
        made = session.ec2(region, once=True).import_key_pair(
            KeyName=name,
            PublicKeyMaterial=order.public_key.encode(),
            TagSpecifications=specification(order.stamp, "key-pair"),
        )
        said["id"] = made["KeyPairId"]
    return until(f"key pair {name} to be listed", lambda: _usable(session, order))


def _content(text: str) -> str:
    """``type base64``."""
    return " ".join(text.split()[:2])
