"""config.json of published models, as far as it says what the network is: for tests."""

from __future__ import annotations

import json
from pathlib import Path

ZEPHYR = json.loads((Path(__file__).parents[2] / "lab" / "hubdata" / "config.json").read_text())
