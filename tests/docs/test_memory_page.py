"""The table of known starts in docs/explanation/memory.md is what the planner says now.

`UPDATE_GOLDEN=1 pytest tests/docs/test_memory_page.py` writes it anew.
"""

import os
import re
from pathlib import Path

from plan.memory.known import STARTS

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "memory.md"
HEAD = "| engine | model | cards | step | tokens logged | planner | off by | |\n|---|---|---|---|---|---|---|---|\n"


def row(start):
    off = f"{100 * (start.expected / start.logged - 1):+.1f} %"
    model, cards = start.model.id.split("/")[-1], f"{start.shards} x {start.gpu}"
    cells = (f"{start.engine} {start.version}", model, cards, start.prefill, start.logged, start.expected, off)
    return f"| {' | '.join(str(cell) for cell in cells)} | {start.remark} |\n"


def test_the_table_is_the_planners():
    page, table = PAGE.read_text(encoding="utf-8"), HEAD + "".join(row(start) for start in STARTS)
    if os.environ.get("UPDATE_GOLDEN"):
        page = re.sub(re.escape(HEAD) + r"(\|.*\n)*", table, page)
        PAGE.write_text(page, encoding="utf-8")
    assert table in page
