"""Asks other calculators for the points of perf_points.csv, and writes answers.csv.

Run it from anywhere::

    python benchmarks/planner/anchors/run.py

Each calculator runs in a virtual environment of its own, made from the package index by the pinned versions in
``requirements/``; nothing of it enters this project. How each is asked, and why so, is in README.md.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import venv
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
POINTS = HERE.parent / "perf_points.csv"
ANSWERS, ABOUT = HERE / "answers.csv", HERE / "answers.toml"
ENVIRONMENTS = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "zephyr-deploy-anchors"
PROGRESS_S = 30
INSTALL_S = 900
UNUSED = "0"
"""In the column fit_use."""


@dataclass(frozen=True)
class Tool:
    """A calculator, asked in one way."""

    name: str
    """Its column in answers.csv."""
    package: str
    version: str
    script: str
    arguments: tuple[str, ...] = ()


TOOLS = (
    Tool("aiconfigurator", "aiconfigurator", "0.12.0", "ask_aiconfigurator.py"),
    Tool(
        "aiconfigurator renamed", "aiconfigurator", "0.12.0", "ask_aiconfigurator.py", arguments=("--mistral-as-llama",)
    ),
    Tool("llm-flops", "llm-flops", "0.0.1", "ask_llm_flops.py"),
    Tool("GenZ", "genz-llm", "0.0.16", "ask_genz.py"),
    Tool("llm-analysis", "llm-analysis", "0.2.2", "ask_llm_analysis.py"),
)


class RunError(Exception):
    """The run is of no use."""


def form_of(point: Mapping[str, str]) -> str:
    """Weights and KV cache of a point.

    NVIDIA's own FP8 checkpoints say in their hf_quant_config.json that the KV cache is FP8, too; the publications that
    used them do not repeat it.
    """
    return f"{point['quant']}+kvfp8" if point["quant"] == "fp8" and point["model"].endswith("-FP8") else point["quant"]


def asked(path: Path) -> list[dict[str, Any]]:
    """The points that are fitted or judged, as `asking.Point` has them; what was measured stays here."""
    models = tomllib.loads((HERE / "models.toml").read_text(encoding="utf-8"))
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {
                "row": row,
                "model": models[point["model_key"]],
                "gpu": point["gpu"],
                "cards": int(point["tp"]),
                "engine": point["engine"],
                "form": form_of(point),
                "kind": point["kind"],
                "prompt": int(float(point["input_len"])),
                "output": int(float(point["output_len"])),
                "batch": int(count) if (count := point["concurrency_or_batch"]).isdigit() else None,
            }
            for row, point in enumerate(csv.DictReader(file))
            if point["fit_use"] != UNUSED
        ]


def environment(tool: Tool) -> Path:
    """The interpreter of its environment, which is made if it is not there."""
    folder = ENVIRONMENTS / tool.package
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        print(f"{tool.package}: installing {tool.version} ...", file=sys.stderr)
        folder.parent.mkdir(parents=True, exist_ok=True)
        venv.create(folder, with_pip=True, clear=True)
        wanted = HERE / "requirements" / f"{tool.package}.txt"
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted)]
        installed = subprocess.run(command, check=False, capture_output=True, text=True, timeout=INSTALL_S)
        if installed.returncode:
            raise RunError(f"pip could not install {wanted}:\n{installed.stderr[-2000:]}")
        done.touch()
    code = f"from importlib.metadata import version; print(version({tool.package!r}))"
    found = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    if found != tool.version:
        raise RunError(f"{folder} holds {tool.package} {found}, not {tool.version}: delete it")
    return python


def answers_of(tool: Tool, points: list[dict[str, Any]], deadline_s: float) -> dict[int, str]:
    """What a calculator says to each row: a number, or why not.

    Raises:
        RunError: it took longer than ``deadline_s`` seconds, or broke off.
    """
    command = [environment(tool), HERE / tool.script, *tool.arguments]
    started = shown = time.monotonic()
    said: dict[int, str] = {}
    errors: Counter[str] = Counter()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, cwd=HERE, **pipes) as process:
        timer = threading.Timer(deadline_s, process.kill)
        timer.start()
        teller = threading.Thread(target=_tell, args=(process, points))
        teller.start()
        try:
            for line in process.stdout or ():
                answer = json.loads(line)
                said[answer["row"]] = f"{answer['value']:.6g}" if "value" in answer else answer["refusal"]
                errors.update([answer["error"]] if "error" in answer else [])
                if time.monotonic() - shown > PROGRESS_S:
                    shown = time.monotonic()
                    print(f"{tool.name}: {len(said)} of {len(points)}, {shown - started:.0f} s", file=sys.stderr)
        finally:
            timer.cancel()
            process.kill()
            teller.join()
    if len(said) != len(points):
        raise RunError(
            f"{tool.name} answered {len(said)} of {len(points)} points in {time.monotonic() - started:.0f} s"
        )
    counts = Counter("a number" if _is_number(text) else text for text in said.values())
    print(f"{tool.name}: {dict(counts.most_common())}, {time.monotonic() - started:.0f} s", file=sys.stderr)
    for error, times in errors.most_common(3):
        print(f"{tool.name}: {times} times {error}", file=sys.stderr)
    return said


def _tell(process: subprocess.Popen[str], points: list[dict[str, Any]]) -> None:
    if process.stdin:
        with suppress(BrokenPipeError):  # it has ended: those who read its answers say so
            process.stdin.writelines(json.dumps(point) + "\n" for point in points)
        with suppress(BrokenPipeError):
            process.stdin.close()


def _is_number(text: str) -> bool:
    return text[:1].isdigit()


def write(said: dict[str, dict[int, str]], points: list[dict[str, Any]], source: Path) -> None:
    """Write the answers, and what they are of; the cell of a calculator that was not asked stays empty."""
    with ANSWERS.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["row", *(tool.name for tool in TOOLS)])
        for point in points:
            table.writerow([point["row"], *(said.get(tool.name, {}).get(point["row"], "") for tool in TOOLS)])
    versions = "".join(f'"{tool.name}" = "{tool.package}=={tool.version}"\n' for tool in TOOLS)
    ABOUT.write_text(
        "# Written by run.py, of answers.csv: when the calculators were asked, for which points, and which they are.\n"
        f"as_of = {datetime.now(timezone.utc).date()}\n"
        f'points_sha256 = "{_sha256(source)}"\n'
        f'python = "{sys.version_info.major}.{sys.version_info.minor}"\n\n[tools]\n{versions}',
        encoding="utf-8",
    )


def earlier(source: Path) -> dict[str, dict[int, str]]:
    """The answers that are there already, by calculator.

    Raises:
        RunError: they are to other points than those of ``source``.
    """
    if not ANSWERS.exists():
        return {}
    if tomllib.loads(ABOUT.read_text(encoding="utf-8"))["points_sha256"] != _sha256(source):
        raise RunError(f"{ANSWERS} answers other points than those of {source}: ask all")
    with ANSWERS.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    return {tool.name: {int(row["row"]): row.get(tool.name, "") for row in table} for tool in TOOLS}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Ask all of them, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=Path, default=POINTS, help="default: %(default)s")
    names = [tool.name for tool in TOOLS]
    parser.add_argument("--only", action="append", choices=names, help="ask this one; keep what the others said")
    parser.add_argument("--deadline-minutes", type=float, default=60, help="of each; default: %(default)s")
    options = parser.parse_args()
    points = asked(options.points)
    try:
        said = earlier(options.points) if options.only else {}
        for tool in TOOLS:
            if not options.only or tool.name in options.only:
                said[tool.name] = answers_of(tool, points, options.deadline_minutes * 60)
                write(said, points, options.points)
    except RunError as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
