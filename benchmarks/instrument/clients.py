"""The benchmarks that are held against the truth: how each is called, and what it says afterwards."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zephyr_deploy.bench.stats import spread_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

HERE = Path(__file__).resolve().parent
TOKENS = 64
PROMPT = "word{} tells of something else"
"""Of the peers: files need no tokenizer. Each is another prompt."""
PINNED = {"aiperf": "aiperf==0.13.0", "guidellm": "guidellm==0.8.1"}
"""The newest of November 2026. They take 1.2 and 5.9 GB."""
INSTALL_S = 1800.0
MS_PER_S = 1000


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


@dataclass(frozen=True)
class Said:
    """What a benchmark reported, in milliseconds."""

    ttft_ms: Percentiles
    gap_ms: Percentiles | None
    """Between events; None where it says nothing of single gaps."""
    warmup: int
    """Requests at the beginning that are in none of its figures."""
    requests: dict[int | str, tuple[float, list[float]]] = field(default_factory=dict)
    """TTFT and gaps of each request, by the server's number or the header ``x-request-id``; empty: it keeps none."""


@dataclass(frozen=True)
class Client:
    """One benchmark."""

    name: str
    command: Callable[[str, Load, Path], Sequence[str]]
    """From the server's address, the load, and a folder for files."""
    said: Callable[[str, Load, Path], Said]
    """From its standard output, the load, and that folder."""
    open_loop: bool = True


def percentiles(values: Iterable[float]) -> Percentiles:
    """As zephyr-deploy reports them (type 7)."""
    spread = spread_of(list(values))
    if spread is None:
        return {50: float("nan"), 99: float("nan")}
    return {50: spread.p50, 99: spread.p99}


def _ours(kind: str) -> Client:
    tool = Path(sys.executable).with_name("zephyr-deploy")

    def command(url: str, load: Load, _folder: Path) -> list[str]:
        asked = ["--concurrency", str(load.concurrency), "--requests", str(load.requests), "--output", "json"]
        return [str(tool), "bench", "--url", url, "--client", kind, "--max-new-tokens", str(TOKENS), *asked]

    def said(out: str, _load: Load, _folder: Path) -> Said:
        (level,) = json.loads(out)["data"]["levels"]
        ttft, gap = ({50: level[key]["p50"], 99: level[key]["p99"]} for key in ("ttft_ms", "itl_ms"))
        return Said(ttft, gap, level["warmup_requests"])

    return Client(f"zephyr-deploy ({kind})", command, said, open_loop=False)


def _bare(kind: str) -> Client:
    def command(url: str, load: Load, _folder: Path) -> list[str]:
        rate = ["--rate", str(load.rate)] if load.rate else []
        asked = ["--concurrency", str(load.concurrency), "--requests", str(load.requests), *rate]
        return [sys.executable, str(HERE / "loops.py"), kind, url, *asked]

    def said(out: str, load: Load, _folder: Path) -> Said:
        lines = [json.loads(line) for line in out.splitlines()]
        return _of_requests({line["request"]: (line["ttft_ms"], line["gaps_ms"]) for line in lines}, load.concurrency)

    return Client(f"{kind} (bare loop)", command, said)


def _of_requests(requests: dict[int | str, tuple[float, list[float]]], warmup: int) -> Said:
    ttft = percentiles(ttft for ttft, _ in requests.values())
    return Said(ttft, percentiles(gap for _, gaps in requests.values() for gap in gaps), warmup, requests)


def _prompts(path: Path, count: int, column: str) -> Path:
    path.write_text("".join(json.dumps({column: PROMPT.format(n)}) + "\n" for n in range(count)), encoding="utf-8")
    return path


def _tokenizer(folder: Path) -> Path:
    """One that knows no word: aiperf wants a tokenizer even where the server counts."""
    model = {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}
    nothing = dict.fromkeys(("truncation", "padding", "normalizer", "post_processor", "decoder"))
    whole = {"version": "1.0", **nothing, "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"}, "model": model}
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps(whole), encoding="utf-8")
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def _aiperf(program: Path) -> Client:
    def command(url: str, load: Load, folder: Path) -> list[str]:
        prompts = _prompts(folder / "prompts.jsonl", load.requests + load.concurrency, "text")
        pace = ["--concurrency", str(load.concurrency)]
        if load.rate:
            pace = ["--request-rate", str(load.rate), "--arrival-pattern", "constant"]
        return [
            *(str(program), "profile", "--model", "ground-truth", "--url", url),
            *("--endpoint-type", "chat", "--streaming"),
            *(*pace, "--request-count", str(load.requests), "--warmup-request-count", str(load.concurrency)),
            *("--use-server-token-count", "--tokenizer", str(_tokenizer(folder / "tokenizer"))),
            *("--input-file", str(prompts), "--custom-dataset-type", "single_turn", "--ui-type", "none"),
            *("--export-level", "records", "--output-artifact-dir", str(folder / "out")),
        ]  # fmt: skip

    def said(_out: str, load: Load, folder: Path) -> Said:
        summary = json.loads((folder / "out" / "profile_export_aiperf.json").read_text(encoding="utf-8"))
        ttft, gap = (_p50_p99(summary[key]) for key in ("time_to_first_token", "inter_chunk_latency"))
        with (folder / "out" / "profile_export.jsonl").open(encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        requests = {
            record["metadata"]["x_request_id"]: (
                record["metrics"]["time_to_first_token"]["value"],
                record["metrics"]["inter_chunk_latency"]["value"],
            )
            for record in records
            if record["metadata"]["benchmark_phase"] == "profiling"
        }
        return Said(ttft, gap, load.concurrency, requests)

    return Client("aiperf 0.13.0", command, said)


def _p50_p99(metric: dict[str, Any]) -> Percentiles:
    return {50: metric["p50"], 99: metric["p99"]}


def _guidellm(program: Path) -> Client:
    def command(url: str, load: Load, folder: Path) -> list[str]:
        prompts = folder / "prompts.csv"
        with prompts.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["prompt"], *([PROMPT.format(n)] for n in range(load.requests))])
        profile = f"kind=concurrent,streams={load.concurrency}"
        if load.rate:
            profile = f"kind=constant,rate={load.rate}"
        return [
            *(str(program), "run", "--backend", f"kind=openai_http,target={url},model=ground-truth"),
            *("--profile", profile, "--constraint", f"kind=max_requests,count={load.requests}"),
            *("--data", f"kind=csv_file,path={prompts}", "--disable-console"),
            *("--output", f"kind=json,path={folder / 'report.json'}"),
        ]  # fmt: skip

    def said(_out: str, _load: Load, folder: Path) -> Said:
        (found,) = json.loads((folder / "report.json").read_text(encoding="utf-8"))["benchmarks"]
        shares = found["metrics"]["time_to_first_token_ms"]["successful"]["percentiles"]
        requests: dict[int | str, tuple[float, list[float]]] = {}
        for request in found["requests"]["successful"]:
            times = request["info"]["timings"]
            ttft_ms = (times["first_token_iteration"] - times["request_start"]) * MS_PER_S
            requests[int(request["response_id"].removeprefix("gt-"))] = (ttft_ms, [])
        return Said({50: shares["p50"], 99: shares["p99"]}, None, 0, requests)

    return Client("guidellm 0.8.1", command, said)


def here() -> list[Client]:
    """Those that this environment has."""
    return [*map(_ours, ("openai", "completions", "native", "tgi")), _bare("aiohttp"), _bare("text-generation")]


def peers(environments: Path) -> list[Client]:
    """The peers aiperf and guidellm, each in an environment of its own that is made on first use."""
    return [_aiperf(_installed(environments, "aiperf")), _guidellm(_installed(environments, "guidellm"))]


def _installed(environments: Path, name: str) -> Path:
    folder = environments / PINNED[name].replace("==", "-")
    program = folder / "bin" / name
    if not program.exists():
        print(f"Installing {PINNED[name]} into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=INSTALL_S)
        pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", PINNED[name]]
        subprocess.run(pip, check=True, timeout=INSTALL_S)
    return program
