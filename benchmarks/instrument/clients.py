"""Benchmarks of this project that are held against the truth: how each is called, and what it says afterwards."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zephyr_deploy.bench.prompts.synthetic import SyntheticPrompts
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.stats import percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

HERE = Path(__file__).resolve().parent
OURS = "zephyr-deploy"
TOKENS = 64
REPORT = "report.json"
SERVER = ("--tokens", str(TOKENS), "--numbered")
"""How the server answers all of them."""
MEASURED = "0/measured"
"""The series of the prompts of a report's first level."""
SHOWN = 64
"""Characters of a prompt in the server's log."""
US_PER_MS = 1000


@dataclass(frozen=True)
class Load:
    """What is asked of a benchmark."""

    concurrency: int
    requests: int
    """Measured ones."""
    rate: float | None = None
    """Requests a second in an open loop; None: a closed loop."""


Percentiles = dict[int, float]
"""p50 and p99."""
Requests = dict[int | str, tuple[float, list[float]]]
"""TTFT and gaps of each in ms, by the server's number, the header ``x-request-id``, or how the prompt begins."""


@dataclass(frozen=True)
class Said:
    """What a benchmark reported, in milliseconds."""

    ttft_ms: Percentiles
    gap_ms: Percentiles | None
    """Between events; None where it says nothing of single gaps."""
    warmup: int
    """Requests at the beginning that are in none of its figures."""
    requests: Requests = field(default_factory=dict)
    """Those in its figures; empty: it does not keep them."""
    verdict: str | None = None
    """What it says of itself: ``ok``, ``noisy``, or that it was the bottleneck; None: nothing."""


@dataclass(frozen=True)
class Client:
    """One benchmark."""

    name: str
    command: Callable[[str, Load, Path], Sequence[str]]
    """From the server's address, the load, and a folder for files."""
    said: Callable[[str, Load, Path], Said]
    """From its standard output, the load, and that folder."""


def percentiles(values: Iterable[float]) -> Percentiles:
    """As zephyr-deploy reports them (type 7)."""
    ordered = sorted(values)
    return {q: percentile(ordered, q) if ordered else float("nan") for q in (50, 99)}


def _ours(kind: str) -> Client:
    tool = Path(sys.executable).with_name("zephyr-deploy")

    def command(url: str, load: Load, folder: Path) -> list[str]:
        pace = ["--concurrency", str(load.concurrency)]
        if load.rate:
            pace = ["--rate", str(load.rate), "--arrivals", "constant"]
        many = ["--requests", str(load.requests), "--warmup", str(load.concurrency)]
        # the file has the single gaps, which the terminal's JSON leaves out
        saved = ["--save", str(folder / REPORT), "--output", "quiet", "--allow-bottleneck"]
        return [
            str(tool),
            "bench",
            "--url",
            url,
            "--client",
            kind,
            *pace,
            *many,
            "--max-new-tokens",
            str(TOKENS),
            *saved,
        ]

    def said(_out: str, _load: Load, folder: Path) -> Said:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        (level,) = report["levels"]
        ttft, gap = ({50: level[key]["p50"], 99: level[key]["p99"]} for key in ("ttft_ms", "itl_ms"))
        verdict = level["client"]["verdict"].replace("client_", "")
        return Said(ttft, gap, level["warmup_requests"], _named(report["spec"], level["log"]), verdict)

    return Client(f"{OURS} ({kind})", command, said)


def _named(spec: dict[str, Any], log: list[dict[str, Any]]) -> Requests:
    """By the server's number, which the count of prompt tokens is; where the client drops that, by the prompt.

    A warm-up that is of the timetable comes first in it, and so the conversations of an open loop begin behind it.
    """
    talks = SyntheticPrompts(BenchSpec.model_validate(spec)).conversations(MEASURED)
    begins = [turn.text[:SHOWN] for (turn,) in islice(talks, 1 + max(one["conversation"] for one in log))]
    return {
        begins[one["conversation"]] if one["prompt_tokens"] is None else one["prompt_tokens"] - 1: (
            one["ttft_ms"],
            [gap / US_PER_MS for gap in one["gaps_us"]],
        )
        for one in log
        if one["failure"] is None
    }


def _bare(kind: str) -> Client:
    def command(url: str, load: Load, _folder: Path) -> list[str]:
        rate = ["--rate", str(load.rate)] if load.rate else []
        asked = ["--concurrency", str(load.concurrency), "--requests", str(load.requests), *rate]
        return [sys.executable, str(HERE / "loops.py"), kind, url, *asked]

    def said(out: str, load: Load, _folder: Path) -> Said:
        lines = [json.loads(line) for line in out.splitlines()]
        return _of_requests({line["request"]: (line["ttft_ms"], line["gaps_ms"]) for line in lines}, load.concurrency)

    return Client(f"{kind} (bare loop)", command, said)


def _of_requests(requests: Requests, warmup: int) -> Said:
    ttft = percentiles(ttft for ttft, _ in requests.values())
    return Said(ttft, percentiles(gap for _, gaps in requests.values() for gap in gaps), warmup, requests)


def here() -> list[Client]:
    """Those that this environment has."""
    return [*map(_ours, ("openai", "completions", "native", "tgi")), _bare("aiohttp"), _bare("text-generation")]
