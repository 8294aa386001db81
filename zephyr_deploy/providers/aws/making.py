"""Something that is made before the machine is, and the ledger that knows of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from zephyr_deploy.errors import AmbiguousError, ZephyrError
from zephyr_deploy.providers.aws.errors import changing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.providers.clouds.types import Ledger


@contextmanager
def making(ledger: Ledger, step: str, operation: str, **facts: str) -> Iterator[dict[str, str]]:
    """Write what is about to be made, and what came of it; yields where the caller puts what AWS says of it.

    Something of that name may be there already: no list has it yet, or somebody else makes it now. That is for whoever
    looks at it next to judge.
    """
    ledger.intend(step, **facts)
    said: dict[str, str] = {}
    try:
        with changing(operation):
            yield said
    except AmbiguousError:
        raise  # It stays open: nobody knows.
    except ZephyrError as error:
        if not str(error.details.get("code")).endswith(".Duplicate"):
            ledger.failed(step, **facts, cause=error.message)
            raise
        said["found"] = "there already"
    ledger.done(step, **facts, **said)
