"""Work that is done beside other work, in a thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Beside(Generic[T]):
    """A function, at work from now on. Whoever does not ask for its result does not wait for it either.

    (`concurrent.futures` takes as long to import as a look at the machine may take, and waits for its threads.)
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._given: list[T] = []
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="beside", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._given.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that asks
            self._raised = error

    @property
    def result(self) -> T:
        """What it gave, once it has; what it raised is raised here."""
        self._thread.join()
        if self._raised is not None:
            raise self._raised
        return self._given[0]
