"""A call as handlers see it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from emulators.e2e.answers import Answer, ok
from emulators.e2e.store import Store


@dataclass
class Call:
    """One call; ``id`` is what the path names, 0 where it names nothing."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]
    id: int = 0

    @property
    def location(self) -> str:
        """Where it is meant for."""
        return self.query.get("location", "")


def paged(store: Store, call: Call, rows: list[dict[str, Any]]) -> Answer:
    """One page of a list; never longer than the store's own."""
    size = min(int(call.query.get("per_page", store.page)), store.page)
    number = int(call.query.get("page_no", 1))
    pages = max(1, math.ceil(len(rows) / size))
    return ok(rows[(number - 1) * size : number * size], "Success", total_count=len(rows), total_page_number=pages)
