"""Keeps Python's garbage collector out of a measurement: a full collection stops everything for milliseconds."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def at_rest() -> Iterator[None]:
    """While the body runs the collector rests; one that was off already stays off.

    What is there at the beginning is not collected later either: to look through it would take tens of milliseconds.
    """
    was_on = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
