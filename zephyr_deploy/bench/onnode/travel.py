"""The part of this package that drives a load, as one archive that another machine's Python can run."""

from __future__ import annotations

import ast
import io
import zipfile
import zlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy import __version__
from zephyr_deploy.resources import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTRY = "zephyr_deploy.bench.onnode.program"
ALONG = "h11"
"""The only library that travels: it is pure Python and needs no other."""


@cache
def archive() -> bytes:
    """A zip archive that Python can import from, compressed as a whole."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, text in sorted(files().items()):
            target.writestr(zipfile.ZipInfo(name), text)  # without a time: the same bytes each time
    return zlib.compress(buffer.getvalue())


def files() -> dict[str, str]:
    """What travels, by path; packages say nothing of themselves there but their version."""
    found = {f"{name.replace('.', '/')}.py": _source(name) for name in modules()}
    packages = {path.rpartition("/")[0] for path in found}
    packages |= {parent for package in packages for parent in _parents(package)}
    found.update({f"{package}/__init__.py": "" for package in packages})
    found["zephyr_deploy/__init__.py"] = f'__version__ = "{__version__}"\n'
    found.update({f"{ALONG}/{path.name}": path.read_text(encoding="utf-8") for path in _library().glob("*.py")})
    return found


def modules() -> set[str]:
    """The modules of this package that travel, by their names."""
    found: set[str] = set()
    wanted = [ENTRY]
    while wanted:
        name = wanted.pop()
        if name not in found and _path(name).is_file():
            found.add(name)
            wanted += _imported(ast.parse(_source(name)))
    return found


def _imported(tree: ast.AST) -> Iterator[str]:
    """What a module imports of this package, at its beginning or later; not what only type checkers see."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("zephyr_deploy"):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from _imported(node)


def _parents(package: str) -> list[str]:
    parts = package.split("/")
    return ["/".join(parts[:many]) for many in range(1, len(parts))]


def _path(name: str) -> Path:
    return PACKAGE.parent / f"{name.replace('.', '/')}.py"


def _source(name: str) -> str:
    return _path(name).read_text(encoding="utf-8")


def _library() -> Path:
    spec = find_spec(ALONG)
    assert spec is not None  # noqa: S101 - this package requires it
    assert spec.submodule_search_locations is not None  # noqa: S101 - it is a package
    return Path(spec.submodule_search_locations[0])
