"""Where a message goes: an address that is a secret, and the form in which it is expected there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from zephyr_deploy.deploy.notify.signature import signing_secret
from zephyr_deploy.endpoint.loopback import is_loopback
from zephyr_deploy.errors import CredentialsError
from zephyr_deploy.spec.base import Frozen
from zephyr_deploy.spec.secret import SecretField
from zephyr_deploy.spec.sources import secret, shown

if TYPE_CHECKING:
    from zephyr_deploy.spec.deployment import Notify
    from zephyr_deploy.spec.secret import Secret


class Channel(Frozen):
    """One way to tell something."""

    name: Literal["slack", "webhook"]
    """Of its template, too."""
    address: SecretField
    signing: SecretField | None = None


def slack(notify: Notify) -> Channel | None:
    """An incoming webhook of Slack; None: there is none.

    Raises:
        CredentialsError: its address is not where it should be, or is none.
    """
    if notify.slack_from is None:
        return None
    return Channel(name="slack", address=_address(notify.slack_from, "notify.slack_from"))


def webhook(notify: Notify) -> Channel | None:
    """An address that takes our own JSON; None: there is none.

    Raises:
        CredentialsError: its address or the secret that signs is not where it should be, or is none.
    """
    if notify.webhook_from is None:
        return None
    return Channel(
        name="webhook",
        address=_address(notify.webhook_from, "notify.webhook_from"),
        signing=signing_secret(notify.secret_from) if notify.secret_from else None,
    )


CHANNELS = {"slack": slack, "webhook": webhook}


def _address(reference: str, setting: str) -> Secret:
    found = secret(reference, setting)
    if not _may_be_posted_to(found.get_secret_value()):
        said = f"{setting}: what {shown(reference)} gives is no address that may be posted to"
        raise CredentialsError(said, hint="It begins with https://; http:// is for this machine alone.")
    return found


def _may_be_posted_to(text: str) -> bool:
    try:
        parts = urlsplit(text)
        there = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and " " not in text
    return plain and there and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(text)))
