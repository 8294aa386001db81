"""Libraries that the program may do without: loaded when one of their names is used, and not before.

Only the program itself does so, when it starts; whoever imports this package as a library finds `sys.modules` as it is.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class Later(ModuleType):
    """Stands for a library until one of its names is used (importlib's own LazyLoader loads at the next import)."""

    def __init__(self, library: str, functions: Sequence[str]) -> None:
        super().__init__(library)
        if functions:
            self.__path__: list[str] = []  # which every `from library import function` looks for
        for name in functions:
            setattr(self, name, partial(self._call, name))

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)

    def _call(self, function: str, *args: Any, **named: Any) -> Any:
        return self.__getattr__(function)(*args, **named)


def put_off(library: str, *functions: str) -> None:
    """Have ``library`` loaded when it is used, unless it is loaded already.

    Not for one whose users import a part of it first (``import library.part``): that part would be loaded twice,
    or not be found where ``functions`` are named.

    Args:
        library: A module; of a package's, the package is loaded now.
        functions: Those of its functions that others import by name: to do that loads nothing, but to call them.
    """
    if library in sys.modules:
        return
    later = sys.modules[library] = Later(library, functions)
    package, _, part = library.rpartition(".")
    if package:
        setattr(import_module(package), part, later)
