"""Writes the JSON Schema of a report from its models.

::

    python -m zephyr_deploy.bench.schema zephyr_deploy/data/bench.schema.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from zephyr_deploy.bench.report import SCHEMA_VERSION, BenchReport


def schema() -> str:
    """As JSON."""
    found = BenchReport.model_json_schema(mode="serialization")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"zephyr-deploy/bench/{SCHEMA_VERSION}",
        "title": "What zephyr-deploy bench --save writes",
    }
    return json.dumps({**head, **{k: v for k, v in found.items() if k not in head}}, indent=2) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema(), encoding="utf-8")
