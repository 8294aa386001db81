"""Credentials as E2E's own command line keeps them: its variables, else the profile in its file."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from zephyr_deploy.errors import AuthError
from zephyr_deploy.spec.base import Frozen
from zephyr_deploy.spec.secret import Secret, SecretField

FILE = "~/.e2e/config.json"
LOCATIONS = ("Delhi", "Chennai")
"""Those of e2ectl 0.6.1 (``VALID_LOCATIONS``); the API has no list of them, and others are passed on as they are."""
VARIABLES = {
    "api_key": "E2E_API_KEY",
    "auth_token": "E2E_AUTH_TOKEN",
    "project": "E2E_PROJECT_ID",
    "location": "E2E_LOCATION",
}
IN_PROFILE = {
    "api_key": "api_key",
    "auth_token": "auth_token",
    "project": "default_project_id",
    "location": "default_location",
}
HINT = (
    "Create a token with read and write access under API & IAM at https://myaccount.e2enetworks.com/services/apiiam, "
    "then set E2E_API_KEY and E2E_AUTH_TOKEN to its api_key and api_auth_token."
)


class Credentials(Frozen):
    """Both secrets, and what calls are about."""

    api_key: SecretField
    auth_token: SecretField
    project: str = ""
    """Empty: the account's default one, see `E2eProvider`."""
    location: str = LOCATIONS[0]
    """Where machines are made if nothing else is said."""


def has_credentials() -> bool:
    """Whether both secrets are at hand, be they right or wrong."""
    said = _said()
    return bool(said["api_key"] and said["auth_token"])


def credentials() -> Credentials:
    """What the variables hold, and for the rest the profile.

    Raises:
        AuthError: a secret is missing, or can be none.
    """
    said = _said()
    wanted = [VARIABLES["api_key"], VARIABLES["auth_token"]]
    if not said["api_key"] or not said["auth_token"]:
        raise AuthError(
            f"no credentials of E2E Networks: neither {' and '.join(wanted)} nor a profile in {FILE}", hint=HINT
        )
    for field in ("api_key", "auth_token"):
        if not re.fullmatch(r"[!-~]+", said[field]):
            # What a header cannot carry would be shown in the error that says so.
            raise AuthError(f"{VARIABLES[field]} has a character that cannot be part of it", hint=HINT)
    return Credentials(
        api_key=Secret(said["api_key"]),
        auth_token=Secret(said["auth_token"]),
        project=said["project"],
        location=said["location"] or LOCATIONS[0],
    )


def _said() -> dict[str, str]:
    """Every field, by its variable or else by the profile; empty where neither has it."""
    profile = _profile()
    return {
        field: (os.environ.get(variable) or str(profile.get(IN_PROFILE[field]) or "")).strip()
        for field, variable in VARIABLES.items()
    }


def _profile() -> dict[str, Any]:
    """The default profile of the file, or its only one; empty where there is none that can be read."""
    try:
        kept = json.loads(Path(FILE).expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):  # the last where this user has no home
        return {}
    profiles = kept.get("profiles") if isinstance(kept, dict) else None
    if not isinstance(profiles, dict) or not profiles:
        return {}
    only = next(iter(profiles)) if len(profiles) == 1 else ""
    chosen = profiles.get(kept.get("default") or only)
    return chosen if isinstance(chosen, dict) else {}
