"""Whose the credentials are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.providers.aws.errors import reading
from zephyr_deploy.providers.clouds.types import Account

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession


def account(session: AwsSession) -> Account:
    """The account, and who acts in it.

    Raises:
        AuthError: the credentials are missing, wrong or expired.
    """
    with reading("sts:GetCallerIdentity"):
        found = session.client("sts").get_caller_identity()
    return Account(provider="aws", id=found["Account"], name=f"{found['Account']} as {found['Arn'].rpartition(':')[2]}")
