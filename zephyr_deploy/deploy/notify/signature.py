"""Signs what is posted, as Standard Webhooks has it (standardwebhooks.com), so that receivers have libraries for it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from zephyr_deploy.errors import CredentialsError
from zephyr_deploy.spec.secret import Secret
from zephyr_deploy.spec.sources import secret, shown

SETTING = "notify.secret_from"
PREFIX = "whsec_"
LEAST, MOST = 24, 64
"""Bytes of a secret, as the specification has it."""


def signing_secret(reference: str) -> Secret:
    """The secret that signs.

    Raises:
        CredentialsError: nothing is there, or it is none.
    """
    found = secret(reference, SETTING)
    if not LEAST <= len(_key(found)) <= MOST:
        said = f"{SETTING}: what {shown(reference)} gives is no secret of a webhook"
        hint = f'It is {PREFIX} and {LEAST} to {MOST} bytes in base64: echo "{PREFIX}$(openssl rand -base64 32)"'
        raise CredentialsError(said, hint=hint)
    return found


def signed(body: bytes, message_id: str, at: int, signing: Secret | None) -> dict[str, str]:
    """The headers of a request.

    Args:
        body: What is posted.
        message_id: The same for each attempt: by it a receiver knows what it has already.
        at: When it is posted, in seconds of the epoch; a receiver refuses what is old.
        signing: The secret; None: it is not signed.
    """
    headers = {"webhook-id": message_id, "webhook-timestamp": str(at)}
    if signing is not None:
        content = b".".join((message_id.encode(), str(at).encode(), body))
        digest = hmac.new(_key(signing), content, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def _key(signing: Secret) -> bytes:
    """Its bytes; none where it is not written as it should be."""
    text = signing.get_secret_value()
    if not text.startswith(PREFIX):
        return b""
    try:
        return base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return b""
