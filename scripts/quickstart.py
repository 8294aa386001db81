"""Runs the terminal session of docs/quickstart.md, and records it anew.

::

    python scripts/quickstart.py        # record: run every command, write what it printed

In a ``console`` block a line that begins with ``$ `` is a command, and what follows is all that it printed, stdout and
stderr together. The commands run in order, in one empty home. `same` says when a later run printed the same.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "quickstart.md"
TIMEOUT_S = 180
BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.DOTALL | re.MULTILINE)

# What differs from run to run, and what is written in its place before two runs are compared.
VARYING = (
    # the model is fetched, or in the cache already
    (re.compile(r"^\w+ +(\S+ s  Model): .*$", re.MULTILINE), r"done \1: ..."),
    (re.compile(r"^(Model +\S+) +\w+$", re.MULTILINE), r"\1 done"),
    (re.compile(r"^\.\.\. .*\n", re.MULTILINE), ""),  # how far a phase has come, said only of one that takes long
    (re.compile(r"^Warning: .*\n", re.MULTILINE), ""),  # the benchmark, of a machine that does other things too
    (re.compile(r"^(TTFT|ITL)\n.*?a number is a load$", re.MULTILINE | re.DOTALL), "PLOTS"),
    (re.compile(r"\b(noisy|client[ _]bottleneck)\b"), "ok"),
    (re.compile(r"/\S+/(state|cache)(?=/|\b)"), r"~/\1"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "RELEASE"),
    (re.compile(r"\d[\d,]*(\.\d+)?"), "N"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r" $", re.MULTILINE), ""),
)


@dataclass(frozen=True)
class Step:
    """One command of the page and what it printed."""

    command: str
    output: str


def steps(page: str) -> list[Step]:
    """Every command of the page, in order."""
    return [step for block in BLOCK.findall(page) for step in _steps_of(block)]


def play(command: str, home: Path, path: str, **more: str) -> str:
    """Run one command as a user of that home would, with ``more`` in the environment; all that it printed."""
    env = {
        "PATH": path,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "COLUMNS": "120",
        "ZEPHYR_STATE_DIR": str(home / "state"),
        "ZEPHYR_CACHE_DIR": str(home / "cache"),
        "ZEPHYR_PORT": "0",
        **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))},
        **more,
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=home,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.stdout


def same(one: str, other: str) -> bool:
    """Whether two outputs differ in nothing but numbers, names made by chance, and white space."""
    return normal(one) == normal(other)


def normal(output: str) -> str:
    """The output with everything that varies masked."""
    for pattern, word in VARYING:
        output = pattern.sub(word, output)
    return output.strip()


def record(page: str, home: Path, path: str) -> str:
    """The page with every output written anew."""

    def play_block(block: re.Match[str]) -> str:
        played = [(step.command, play(step.command, home, path)) for step in _steps_of(block.group())]
        return "\n".join(f"$ {command}\n{_tidy(output, home)}" for command, output in played)

    return BLOCK.sub(play_block, page)


def _steps_of(block: str) -> list[Step]:
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [Step(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def _tidy(output: str, home: Path) -> str:
    lines = [line.rstrip() for line in output.replace(str(home), "~").splitlines()]
    return "".join(f"{line}\n" for line in lines)


def main() -> None:
    """Record the session with the program that is installed beside this Python."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as home:
        PAGE.write_text(record(PAGE.read_text(), Path(home), path))


if __name__ == "__main__":
    main()
