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
def making(ledger: Ledger, step: str, operation: str, **facts: str) -> Iterator[None]:
    """Write what is about to be made, and that it was not where AWS said so; that it was is for the caller to write."""
    ledger.intend(step, **facts)
    try:
        with changing(operation):
            yield
    except AmbiguousError:
        raise  # It stays open: nobody knows.
    except ZephyrError as error:
        ledger.failed(step, **facts, cause=error.message)
        raise
