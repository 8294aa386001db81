"""A look at the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.providers.aws.account import account
from zephyr_deploy.providers.clouds.types import AccountCheck, Offer

if TYPE_CHECKING:
    from zephyr_deploy.providers.aws.session import AwsSession


def checks(session: AwsSession, offer: Offer | None) -> list[AccountCheck]:  # noqa: ARG001 - of what is for sale later
    """Whether the credentials are good."""
    try:
        return [AccountCheck(name="credentials", verdict="ok", detail=account(session).name)]
    except ZephyrError as error:
        return [AccountCheck(name="credentials", verdict="failed", detail=error.message, fix=error.hint or "")]
