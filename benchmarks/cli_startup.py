"""What ``zephyr-deploy --help`` costs in CPU time, against bare Typer apps.

Three programs run in turns, so that whatever else the machine does strikes all of them alike:

- bare: a Typer app with one command;
- same: a Typer app with as many commands, in as many panels, each without options;
- ours: ``zephyr-deploy --help``.

Each figure is user plus system time of the child process as the kernel counts it (``os.wait4``).

::

    python benchmarks/cli_startup.py --runs 40 --limit 1.3
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from zephyr_deploy.cli.main import COMMANDS, load

BARE = '''"""One command."""
import typer

app = typer.Typer()


@app.command()
def hello(name: str = "world") -> None:
    """Greet someone."""


app(prog_name="bare")
'''

SAME_HEAD = '''"""As many commands."""
import typer

app = typer.Typer()


@app.callback()
def root() -> None:
    """From nothing to a private LLM endpoint, and back to nothing."""

'''

SAME_COMMAND = '''
@app.command("{name}", rich_help_panel="{panel}")
def command_{number}() -> None:
    """{summary}"""

'''


def main() -> int:
    """Measure, print, and return 1 if ours over bare is above the limit."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        programs = _programs(Path(folder))
        times = _measure(programs, options.runs)
    medians = {name: statistics.median(values) for name, values in times.items()}
    report = {
        "cpu_s": {name: round(median, 4) for name, median in medians.items()},
        "ratio_to_bare": round(medians["ours"] / medians["bare"], 3),
        "ratio_to_same": round(medians["ours"] / medians["same"], 3),
        "commands": len(COMMANDS),
        "runs": options.runs,
        "python": sys.version.split()[0],
    }
    print(json.dumps(report, indent=2))
    return int(options.limit is not None and report["ratio_to_bare"] > options.limit)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CPU time of --help against bare Typer apps.")
    parser.add_argument("--runs", type=int, default=30, help="Runs of each program.")
    parser.add_argument("--limit", type=float, help="Exit with 1 above this ratio to the bare app.")
    return parser.parse_args()


def _programs(folder: Path) -> dict[str, list[str]]:
    bare, same = folder / "bare.py", folder / "same.py"
    bare.write_text(BARE)
    same.write_text(SAME_HEAD + "".join(_command(number, name) for number, name in enumerate(COMMANDS)) + "\napp()\n")
    return {
        "bare": [sys.executable, str(bare), "--help"],
        "same": [sys.executable, str(same), "--help"],
        "ours": [sys.executable, "-m", "zephyr_deploy", "--help"],
    }


def _command(number: int, name: str) -> str:
    verb = load(name)
    return SAME_COMMAND.format(number=number, name=name, panel=verb.panel, summary=verb.help.splitlines()[0])


def _measure(programs: dict[str, list[str]], runs: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(runs + 1):
        for name, argv in programs.items():
            cpu_s = _cpu_s(argv)
            if turn > 0:  # the first turn fills the disk cache and writes the bytecode
                times[name].append(cpu_s)
    return times


def _cpu_s(argv: list[str]) -> float:
    """User plus system time of one run, in seconds."""
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(argv)} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
