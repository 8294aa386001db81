"""The peers that are held against the truth: how each is called, and what it says afterwards."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from clients import Client, Load, Percentiles, Requests, Said

if TYPE_CHECKING:
    from pathlib import Path

PROMPT = "word{} tells of something else"
"""Files need no tokenizer. Each is another prompt."""
PINNED = {"aiperf": "aiperf==0.13.0", "guidellm": "guidellm==0.8.1"}
"""The newest of November 2026. They take 1.2 and 5.9 GB."""
INSTALL_S = 1800.0
MS_PER_S = 1000


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
        requests: Requests = {}
        for request in found["requests"]["successful"]:
            times = request["info"]["timings"]
            ttft_ms = (times["first_token_iteration"] - times["request_start"]) * MS_PER_S
            requests[int(request["response_id"].removeprefix("gt-"))] = (ttft_ms, [])
        return Said({50: shares["p50"], 99: shares["p99"]}, None, 0, requests)

    return Client("guidellm 0.8.1", command, said)


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
