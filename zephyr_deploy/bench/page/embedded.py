"""The report inside its page: where a browser takes it for data, and `read_report` finds it again."""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zephyr_deploy.bench.report import BenchReport

LARGE = 200_000
"""Letters from which on it is packed."""
QUICK = 4
"""Of gzip: half the time of the best, for a tenth more."""
UNSAFE: dict[str, str | int | None] = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
"""What could end a script element or mean something to HTML; as JSON escapes they mean the same to JSON."""
ELEMENT = re.compile(rb'<script type="application/json" id="report" data-packed="(no|gzip)">(.*?)</script>', re.DOTALL)


class Embedded(NamedTuple):
    """Text that is safe inside a script element."""

    text: str
    packed: str
    """``gzip``: a JSON string, in Base64; ``no``: the report's JSON."""


def embedded(report: BenchReport) -> Embedded:
    """The whole of it."""
    text = report.model_dump_json()
    if len(text) > LARGE:
        packed = gzip.compress(text.encode(), QUICK, mtime=0)
        return Embedded(json.dumps(base64.b64encode(packed).decode()), "gzip")
    return Embedded(safe(text), "no")


def safe(text: str) -> str:
    """JSON that no HTML parser sees anything in."""
    return text.translate(str.maketrans(UNSAFE))


def report_text(page: bytes) -> bytes | None:
    """The JSON that a page holds; None: it holds none.

    Raises:
        ValueError, OSError, EOFError: what it holds is damaged.
    """
    found = ELEMENT.search(page)
    if found is None:
        return None
    if found[1] != b"gzip":
        return found[2]
    try:
        return gzip.decompress(base64.b64decode(json.loads(found[2])))
    except (zlib.error, TypeError) as error:
        raise ValueError("the packed report is damaged") from error
