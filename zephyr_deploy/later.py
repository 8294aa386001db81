"""Libraries that the program may do without: loaded when one of their names is used, and not before.

Only the program itself does so, when it starts; whoever imports this package as a library finds `sys.modules` as it is.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType


class Later(ModuleType):
    """Stands for a library until one of its names is used (importlib's own LazyLoader loads at the next import)."""

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def put_off(library: str) -> None:
    """Have ``library`` loaded when it is used, unless it is loaded already.

    Not for one whose users import a part of it first (``import library.part``): that part would be loaded twice.
    """
    sys.modules.setdefault(library, Later(library))
