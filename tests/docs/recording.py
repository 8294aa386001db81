"""How pages with recorded sessions are read, typed anew and written."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

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


def same_or_recorded(quickstart: ModuleType, page: Path, played: Iterable[tuple[Any, str]]) -> None:
    """See that every step printed what the page shows; with ``RECORD_GUIDE`` set, write the page anew, and skip."""
    if os.environ.get("RECORD_GUIDE"):
        for step, printed in played:
            record(page, step.command, printed)
        pytest.skip("the page has been recorded")
    for step, printed in played:
        assert quickstart.normal(printed) == quickstart.normal(step.output), step.command
