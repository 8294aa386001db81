"""What everything of ours is called, for the name is the only mark that E2E's lists show; a node has a label, too.

Nodes and groups are ``zd-<deployment>-<run>``, registered keys ``zd-<deployment>-<hash of the key>``. A node's label is
``zd_<expiry>_<price>_<host key>``. Neither has a character but ``A-Z a-z 0-9 - _``: that is what names of nodes may
have; what labels may have is not known.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import datetime, timezone

from zephyr_deploy.paths import is_name
from zephyr_deploy.providers.clouds.stamp import RUN, Stamp

PREFIX = "zd-"
MOST = 50
"""Characters that the name of a node may have (terraform-provider-e2e 2.1.6)."""
HEX, SHORT = 8, 6
"""Characters of a run as it is, and in base 64, for deployments with a name so long that it would not fit."""
LABEL = "zd"
NEVER = "never"
CENTS = 10_000
"""The price stands in the label as a whole number of such parts of a USD."""
FINGERPRINT = "SHA256:"


def name_of(deployment: str, run: str) -> str:
    """What something of a deployment is called that one launch made."""
    name = f"{PREFIX}{deployment}-{run}"
    if len(name) <= MOST:
        return name
    return f"{PREFIX}{deployment}-{base64.urlsafe_b64encode(bytes.fromhex(run)).decode().rstrip('=')}"


def read_name(text: str) -> Stamp | None:
    """The deployment and run in a name; None where it is none of ours."""
    for length in (HEX, SHORT):
        deployment, dash, run = text[len(PREFIX) : -length - 1], text[-length - 1 : -length], text[-length:]
        if text.startswith(PREFIX) and dash == "-" and is_name(deployment):
            run = run if length == HEX else _hexadecimal(run)
            if RUN.fullmatch(run) and name_of(deployment, run) == text:
                return Stamp(deployment=deployment, run=run)
    return None


def key_name(deployment: str, public_key: str) -> str:
    """What a key is called that a deployment registered: by what it is, so that it has one name however often."""
    return name_of(deployment, hashlib.sha256(public_key.encode()).hexdigest()[:HEX])


def label_of(stamp: Stamp) -> str:
    """What a node carries besides its name."""
    expiry = f"{int(stamp.expires.timestamp()):x}" if stamp.expires else NEVER
    host_key = stamp.host_key.removeprefix(FINGERPRINT).translate(str.maketrans("+/", "-_"))
    return f"{LABEL}_{expiry}_{round(stamp.price_per_hour_usd * CENTS)}_{host_key}"


def read_label(stamp: Stamp, label: str) -> Stamp:
    """The stamp with what the label adds; as it is, where the label is none of ours."""
    found = re.fullmatch(rf"{LABEL}_([0-9a-f]{{1,10}}|{NEVER})_(\d{{1,9}})_([A-Za-z0-9_-]{{43}})?", label)
    if not found:
        return stamp
    expiry, price, host_key = found.groups()
    fingerprint = FINGERPRINT + host_key.translate(str.maketrans("-_", "+/")) if host_key else ""
    return stamp.model_copy(
        update={
            "expires": None if expiry == NEVER else datetime.fromtimestamp(int(expiry, 16), timezone.utc),
            "price_per_hour_usd": int(price) / CENTS,
            "host_key": fingerprint,
        }
    )


def _hexadecimal(short: str) -> str:
    try:
        return base64.b64decode(f"{short}==", altchars=b"-_", validate=True).hex()
    except binascii.Error:
        return ""
