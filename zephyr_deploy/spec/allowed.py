"""What a key allows, in words, read from its type and bounds: the same words in messages, file and reference."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from zephyr_deploy.spec.types import Allowed

if TYPE_CHECKING:
    from zephyr_deploy.spec.keys import Key


@dataclass(frozen=True)
class Kind:
    """The type of a key without None and without wrapping, and what was said about it on the way."""

    annotation: object
    said: tuple[object, ...]

    @property
    def base(self) -> object:
        """``tuple`` of ``tuple[int, ...]``; a plain type is its own."""
        return get_origin(self.annotation) or self.annotation

    def bound(self, name: str) -> object:
        """A bound (``gt``, ``ge``, ``lt``, ``le``), or None."""
        return next((value for item in self.said if (value := getattr(item, name, None)) is not None), None)


def kind_of(key: Key) -> Kind:
    """Unwrap the type of a key."""
    annotation, said = key.info.annotation, list(key.info.metadata)
    while True:
        inner = [option for option in get_args(annotation) if option is not type(None)]
        if type(None) in get_args(annotation):
            annotation = inner[0]
        elif get_origin(annotation) is Annotated:
            annotation = inner[0]
            for item in inner[1:]:
                said += item.metadata if isinstance(item, FieldInfo) else [item]
        else:
            return Kind(annotation, tuple(said))


def allowed(key: Key) -> str:
    """What may be written, e.g. ``a whole number from 1 to 64``."""
    kind = kind_of(key)
    words = next((item.words for item in kind.said if isinstance(item, Allowed)), None)
    if words:
        return words
    if kind.base is Literal:
        return "one of " + ", ".join(str(option) for option in get_args(kind.annotation))
    return _PLAIN.get(kind.base, "text") + _bounds(kind) if kind.base is not tuple else _list(kind)


_PLAIN: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
    timedelta: "a length of time",
    dict: "a table of names and texts",
}


def of_numbers(kind: Kind) -> bool:
    """Whether it is a list of numbers, which may be written with commas."""
    return not {int, float}.isdisjoint(_items(kind))


def _list(kind: Kind) -> str:
    items = _items(kind)
    return f"a list of {'whole numbers' if int in items else 'numbers' if float in items else 'texts'}"


def _items(kind: Kind) -> tuple[object, ...]:
    """Of what types the items of a list are."""
    return tuple(get_args(item)[0] if get_origin(item) is Annotated else item for item in get_args(kind.annotation))


def _bounds(kind: Kind) -> str:
    low, above, high = kind.bound("ge"), kind.bound("gt"), kind.bound("le")
    if kind.base is int and isinstance(above, int):
        low, above = above + 1, None
    if low is not None and high is not None:
        return f" from {low} to {high}"
    parts = [(" of at least", low), (" above", above), (" up to", high)]
    return ",".join(f"{words} {bound}" for words, bound in parts if bound is not None)
