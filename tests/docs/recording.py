"""How pages with recorded sessions are read, typed anew and written."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def quickstart_module() -> ModuleType:
    """scripts/quickstart.py, which knows how a session stands in a page."""
    spec = importlib.util.spec_from_file_location("quickstart", ROOT / "scripts" / "quickstart.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["quickstart"] = module
    spec.loader.exec_module(module)
    return module


def in_order(lines: Iterable[str]) -> list[str]:
    """Image and weights come side by side: whichever is told first, the page has the image first."""
    lines = list(lines)
    for place, (one, other) in enumerate(pairwise(lines)):
        if re.search(r"\bWeights\b", one) and re.search(r"\bImage\b", other):
            lines[place : place + 2] = [other, one]
    return lines


def record(page: Path, command: str, printed: str) -> None:
    """Write anew what one command of a page prints."""
    text = re.sub(
        rf"^\$ {re.escape(command)}\n(?:(?!```|\$ ).*\n)*",
        lambda _: f"$ {command}\n{printed}\n",
        page.read_text(),
        count=1,
        flags=re.MULTILINE,
    )
    page.write_text(text)
