"""TGI's log: one line an event on stdout, as text or as JSON."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone


class Log:
    """Prints events as tracing's formatter does, without its colours."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._json = as_json

    def info(self, message: str, span: str = "", target: str = "text_generation_launcher") -> None:
        """An ordinary event; ``span`` is the part of TGI that it comes from (``shard-manager``)."""
        self._print("INFO", message, span, target)

    def warn(self, message: str, span: str = "", target: str = "text_generation_launcher") -> None:
        """Something odd."""
        self._print("WARN", message, span, target)

    def error(self, message: str, span: str = "", target: str = "text_generation_launcher") -> None:
        """Something that ends a part of TGI."""
        self._print("ERROR", message, span, target)

    def _print(self, level: str, message: str, span: str, target: str) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
        rank = " rank=0" if span == "shard-manager" else ""
        if self._json:
            event = {"timestamp": now, "level": level, "fields": {"message": message}, "target": target}
            print(json.dumps(event | ({"span": {"name": span}} if span else {})), flush=True)
        else:
            print(f"{now} {level:>5} {span + ': ' if span else ''}{target}: {message}{rank}", flush=True)


def fatal(error: str) -> None:
    """What Rust prints of the error that ends the launcher."""
    print(f"Error: {error}", file=sys.stderr, flush=True)
