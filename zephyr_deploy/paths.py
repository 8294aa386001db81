"""Where this tool keeps things on the user's machine.

State (journal, records, logs) and cache (models) are apart: either may be deleted at any time.
``ZEPHYR_STATE_DIR`` and ``ZEPHYR_CACHE_DIR`` move them; otherwise the XDG folders are used.
"""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path, user_state_path

APP = "zephyr-deploy"


def state_dir() -> Path:
    """The folder of journals, records and logs; not created here."""
    return Path(os.environ.get("ZEPHYR_STATE_DIR") or user_state_path(APP, appauthor=False))


def cache_dir() -> Path:
    """The folder of downloaded models; not created here."""
    return Path(os.environ.get("ZEPHYR_CACHE_DIR") or user_cache_path(APP, appauthor=False))


def deployment_dir(name: str) -> Path:
    """The folder of one deployment's state; not created here."""
    return state_dir() / "deployments" / name


def private_dir(path: Path) -> Path:
    """Create ``path``, and what is missing above it, for this user alone (mode 0700); return it."""
    for folder in [*reversed(path.parents), path]:
        folder.mkdir(mode=0o700, exist_ok=True)
    return path
