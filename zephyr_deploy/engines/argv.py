"""Arguments from pairs, for engines that are told by argv."""

from __future__ import annotations

from collections.abc import Iterable


def options(pairs: Iterable[tuple[str, object]]) -> list[str]:
    """Arguments for the pairs that say something.

    None leaves the flag out, True is a switch, False leaves it out, a tuple gives several values.
    """
    argv: list[str] = []
    for flag, value in pairs:
        if value is None or value is False:
            continue
        values = () if value is True else value if isinstance(value, tuple) else (value,)
        argv += [flag, *(str(item) for item in values)]
    return argv
