"""Where the requests of a benchmark come from."""

from __future__ import annotations

from typing import Literal

MeasuredFrom = Literal["here", "node"]
"""node: the machine that serves."""
PLACES: dict[MeasuredFrom, str] = {"here": "the client", "node": "the machine that serves"}
"""What people call them."""
