"""``text-generation-server download-weights MODEL``: the part of TGI's server that people call by themselves."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from lab.tgi.log import Log
from lab.tgi.weights import download

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Run one command; the exit code is 1 with a traceback on stderr when it fails."""
    parser = argparse.ArgumentParser(prog="text-generation-server")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("download-weights")
    command.add_argument("model_id")
    command.add_argument("--revision")
    command.add_argument("--extension", default=".safetensors")
    command.add_argument("--logger-level", default="INFO")
    command.add_argument("--json-output", action="store_true")
    command.add_argument("--trust-remote-code", action="store_true")
    said = parser.parse_args(argv)
    # The launcher says "none" by leaving it out; an empty variable is a revision that does not exist.
    revision = said.revision if said.revision is not None else os.environ.get("REVISION")
    download(said.model_id, revision, Log(as_json=said.json_output))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
