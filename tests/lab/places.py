"""Where the lab keeps what it builds, and what a running engine of its own needs."""

import hashlib
import os
from pathlib import Path

DEFAULT = "/var/lib/zephyr-lab" if os.geteuid() == 0 else str(Path.home() / ".cache" / "zephyr-lab")

# Read when this module is imported: the tests take every ZEPHYR_* variable away before they run.
LAB_DIR = Path(os.environ.get("ZEPHYR_LAB_DIR", DEFAULT))
"""Images, certificates, logs; everything of the lab that outlives a test run."""


def run_dir() -> Path:
    """Folder of sockets and pid files; short, because a socket's path may not exceed 107 bytes."""
    if str(LAB_DIR) == DEFAULT:
        return Path("/run/zephyr-lab")
    return Path(f"/run/zephyr-lab-{hashlib.sha256(str(LAB_DIR).encode()).hexdigest()[:8]}")


def private_dir(path: Path) -> Path:
    """Make a folder that only its owner can enter, parents included."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
