"""What the API's refusals mean.

Which status and words go with which cause was read in clients that E2E runs against its API, as far as they know it:
docs/verification.md says what only a real account can show.
"""

from __future__ import annotations

import re
from typing import Any

from zephyr_deploy.errors import (
    AuthError,
    ConfigError,
    CreditError,
    GoneError,
    NoCapacityError,
    QuotaError,
    ThrottledError,
    ZephyrError,
)
from zephyr_deploy.providers.e2e.credentials import HINT

Kind = tuple[type[ZephyrError], str]

SCOPE = "Check E2E_PROJECT_ID and E2E_LOCATION; zephyr-deploy doctor looks at the account."
STATUSES: dict[int, Kind] = {
    401: (AuthError, HINT),
    403: (AuthError, HINT),
    429: (ThrottledError, "Try again in a minute."),
}
WORDS: tuple[tuple[str, Kind], ...] = (
    (
        r"\bcredits?\b|(?<!load )\bbalance\b|\brecharge",
        (CreditError, "Nothing was made; add credit under Billing at https://myaccount.e2enetworks.com."),
    ),
    (
        r"quota|limit (has been |is )?(reached|exceeded)",
        (QuotaError, "Ask E2E's support for a higher limit, or take a node away: zephyr-deploy ls."),
    ),
    # What is not found then is what the call is about, never a thing in it.
    (r"(project|location|region)\b.*(not found|does not exist)", (ConfigError, SCOPE)),
    (r"not found|does not exist|doesn't exist", (GoneError, "See what there is: zephyr-deploy ls.")),
    (
        r"not available|unavailable|out of stock|sold out|capacity|inventory",
        (NoCapacityError, "See what there is: zephyr-deploy offers --provider e2e."),
    ),
)
"""Tried in this order, on what the API says."""


def message_of(body: Any) -> str:
    """What the API says, in the order in which E2E's own client looks: message, detail, errors."""
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors")
    nested = errors.get("detail") if isinstance(errors, dict) else None
    for said in (body.get("message"), body.get("detail"), errors, nested):
        if isinstance(said, str) and said.strip():
            return said.strip()
        if isinstance(said, list) and said:
            return "; ".join(map(str, said))
    return ""


def error_of(status: int, body: Any, doing: str, *, wait_s: float | None = None) -> ZephyrError:
    """The error for an answer that is a refusal.

    Args:
        status: HTTP's, or the one in the body where HTTP's says that all is well.
        body: As JSON; None where it was none.
        doing: What was asked for, e.g. ``POST /nodes/``.
        wait_s: How long it asks to be left alone, in seconds.
    """
    said = message_of(body) or f"status {status} without a reason"
    kind, hint = _kind(status, said, is_ours=isinstance(body, dict))
    details = {"status": status, "wait_s": wait_s}
    return kind(f"E2E Networks refused {doing}: {said}", hint=hint, details=details)


def _kind(status: int, said: str, *, is_ours: bool) -> Kind:
    by_words = next((kind for words, kind in WORDS if re.search(words, said, re.IGNORECASE)), None)
    if status in STATUSES and not (status == 429 and by_words):  # noqa: PLR2004 - a quota has it too
        return STATUSES[status]
    if not is_ours:
        return ConfigError, "That is not the API's answer: check ZEPHYR_E2E_BASE_URL and the proxy."
    return by_words or (ConfigError, SCOPE)
