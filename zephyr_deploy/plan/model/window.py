"""Which layers of a network look back no further than a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zephyr_deploy.plan.model.families import Family
    from zephyr_deploy.plan.model.fields import Fields

MOST = 1_000_000_000
WINDOWED = frozenset({"sliding_attention", "chunked_attention"})
"""Words of ``layer_types`` in newer files."""


class Windows(NamedTuple):
    """A window and the layers that have it."""

    length: int | None
    """Tokens; None: no layer has one, or it is no shorter than the context."""
    layers: int


def windows(fields: Fields, family: Family, *, layers: int, max_positions: int) -> Windows:
    """The window of a network.

    Raises:
        ConfigError: a field of it has a value that cannot be.
    """
    length = fields.whole_or_none("sliding_window", "attention_chunk_size", most=MOST, least=-1)
    found = _listed(fields)
    if not length or length < 0 or length >= max_positions:
        return Windows(None, 0)
    if found is None and family.window == "unknown":
        return Windows(length, 0) if fields.flag("use_sliding_window", default=True) else Windows(None, 0)
    if found is None:
        found = _by_family(fields, family, layers)
    return Windows(length, min(found, layers)) if found else Windows(None, 0)


def _listed(fields: Fields) -> int | None:
    """By ``layer_types``; None where there is none."""
    kinds = fields.get("layer_types")
    if kinds is None:
        return None
    if not isinstance(kinds, list):
        fields.wrong("layer_types", "a list of words")
    return sum(kind in WINDOWED for kind in kinds if isinstance(kind, str))


def _by_family(fields: Fields, family: Family, layers: int) -> int:
    if family.window == "all":
        return layers
    if family.window == "even":
        return -(-layers // 2)
    if family.window == "pattern":
        step = fields.whole_or_none("sliding_window_pattern", "_sliding_window_pattern", most=MOST) or family.pattern
        return layers - layers // step
    if family.window == "above" and fields.flag("use_sliding_window", default=False):
        return max(0, layers - (fields.whole_or_none("max_window_layers", most=MOST, least=0) or 0))
    return 0
