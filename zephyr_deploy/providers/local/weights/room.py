"""Room on the disk: asked for before, explained after."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zephyr_deploy.errors import CapacityError
from zephyr_deploy.paths import FULL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HINT = "Free some space, or point ZEPHYR_CACHE_DIR at another disk, then run `zephyr-deploy up` again."
MB = 1e6


def require_room(folder: Path, needed: int) -> None:
    """Refuse to begin what cannot end: ``needed`` more bytes in ``folder``.

    Raises:
        CapacityError: they are not there; the message says how many are missing.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        message = f"{(needed - free) / MB:.0f} MB are missing in {folder}: {needed / MB:.0f} MB are needed"
        raise CapacityError(
            f"{message}, {free / MB:.0f} MB are free", hint=HINT, details={"needed_bytes": needed, "free_bytes": free}
        )


@contextmanager
def disk_full_explained(folder: Path) -> Iterator[None]:
    """Turn the kernel's "no space left" within the body into a `CapacityError`."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        free = shutil.disk_usage(folder).free
        raise CapacityError(
            f"the disk of {folder} became full ({free / MB:.0f} MB are free); what is there is kept and gone on with",
            hint=HINT,
            details={"free_bytes": free},
        ) from error
