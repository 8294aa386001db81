"""An account of AWS, emulated with real machines, as the jobs of a repository reach it: by a role and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci.conftest import ROLE
from ci.runner import Runner
from ci.stand_ins import programs, stand_ins

if TYPE_CHECKING:
    from pathlib import Path

    from emulators.rehearsal import Clouds

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def runner_for(account: Clouds, folder: Path, repository: Path, **environment: str) -> Runner:
    """GitHub's runner with that repository.

    Args:
        account: What the role is worth.
        folder: For the runner's own files, and what its caches keep.
        repository: What a checkout has.
        environment: More of it.
    """
    given = account.environment()
    role = {name: given.pop(name) for name in KEYS}
    rest = {name: text for name, text in given.items() if not name.startswith(("E2E_", "ZEPHYR_E2E"))}
    found = Runner(
        folder / "runner",
        stand_ins({"": repository}, folder / "store", role),
        environment={**rest, **environment},
        variables={"AWS_ROLE": ROLE, "AWS_REGION": given["AWS_REGION"]},
    )
    programs(found)
    return found
