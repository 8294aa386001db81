"""Failures that a test orders by the environment variable LAB_FAIL, with TGI's own last words."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tomllib
from lab.tgi.log import fatal

if TYPE_CHECKING:
    from lab.tgi.log import Log

TABLE = Path(__file__).with_name("failures.toml")


@dataclass(frozen=True)
class Failure:
    """One row of ``failures.toml``."""

    name: str
    stage: str
    """``load``, ``warmup`` or ``serving``."""
    crash: str
    """What goes with it: ``shard``, ``webserver``, ``running``, or ``never``: it hangs."""
    log: str = ""
    stderr: tuple[str, ...] = ()

    def last_words(self, out: Log) -> int:
        """Print what TGI prints; its exit code."""
        if self.log:
            out.error(self.log, "shard-manager")
        for line in self.stderr:
            print(line, file=sys.stderr, flush=True)
        if self.crash == "webserver":
            out.error("Webserver Crashed")
            out.info("Shutting down shards")
            fatal("WebserverFailed")
        elif self.crash == "running":
            out.error("Shard 0 crashed")
            out.info("Terminating webserver")
            fatal("ShardFailed")
        else:
            out.error("Shard 0 failed to start")
            out.info("Shutting down shards")
            fatal("ShardCannotStart")
        return 1


def ordered(name: str | None) -> Failure | None:
    """The failure of that name; None for none. An unknown name is a mistake in the test: `KeyError`."""
    if not name:
        return None
    row = tomllib.loads(TABLE.read_text())[name]
    return Failure(name, row["stage"], row["crash"], row.get("log", ""), tuple(row.get("stderr", ())))
