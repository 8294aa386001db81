"""From `zephyr-deploy up` to the first token of a chat: seconds cold and warm, by phase, and the share that is ours.

Ours is what remains of the total after the parts that nobody could leave out, each measured bare in the same run:
a plain download of the same file (cold only), the engine started by itself up to its first token, and a Python
interpreter that does nothing, once for `up` and once for `chat`.

Usage: python benchmarks/local_up.py [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from timed import TIMEOUT_S, run, tool

QUESTION = "What is the capital of Japan?"


@dataclass
class Run:
    """One way from `up` to the first token, in seconds."""

    up: float
    chat: float
    phases: list[tuple[str, float]]
    plan: dict[str, Any]

    @property
    def total(self) -> float:
        """The user's wait."""
        return self.up + self.chat


def first_byte(argv: list[str], env: dict[str, str]) -> float:
    """Seconds until a command writes its first byte to standard output; then it is let run to its end."""
    began = time.perf_counter()
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        seconds = time.perf_counter() - began
        process.communicate(timeout=TIMEOUT_S)
    if not first or process.returncode:
        sys.exit(f"{' '.join(argv)} gave no answer")
    return seconds


def up_and_chat(env: dict[str, str]) -> Run:
    """The user's way."""
    ran = run([tool(), "up", "--port", "0", "--output", "json"], env)
    chat_s = first_byte([tool(), "chat", QUESTION], env)
    data = json.loads(ran.out)["data"]
    phases = [(phase["phase"], phase["seconds"]) for phase in data["phases"]]
    return Run(ran.seconds, chat_s, phases, data["plan"])


def down(env: dict[str, str], *more: str) -> None:
    """Take it away, so that the next `up` starts from nothing that runs."""
    run([tool(), "down", *more], env)


def source_url(plan: dict[str, Any]) -> str:
    """Where `up` found the model; asking the package index for it is ours, and not in the bare download."""
    from zephyr_deploy.providers.local.weights import index

    return index.resolve(plan["source"]["location"], plan["source"]["version"]).url


def bare_download(url: str) -> float:
    """Seconds to read the same file from the same place and keep none of it."""
    began = time.perf_counter()
    with urllib.request.urlopen(url, timeout=60) as response:
        while response.read(1 << 20):
            pass
    return time.perf_counter() - began


def bare_engine(model: Path, plan: dict[str, Any]) -> float:
    """Seconds from starting a Python that holds the engine, and nothing else, to its first token."""
    argv = [sys.executable, __file__, "--bare-engine", str(model)]
    argv += ["--parallel", str(plan["parallel"]), "--threads", str(plan["threads"])]
    argv += ["--tokens", str(plan["serve"]["max_total_tokens"])]
    return first_byte(argv, {**os.environ, "OMP_WAIT_POLICY": "passive"})


def serve_bare(model: str, parallel: int, threads: int, tokens: int) -> None:
    """In the child: start the engine, ask it once, write its first token."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_parallel, params.n_ctx = parallel, parallel * tokens
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.ui, params.cache_ram_mib, params.sse_ping_interval = False, 0, 1
    server = xllamacpp.Server(params)
    body = {"messages": [{"role": "user", "content": QUESTION}], "stream": True, "max_tokens": 16}
    request = urllib.request.Request(
        f"{server.listening_address}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
        for line in response:
            if line.startswith(b"data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                os.write(1, b".")
                break
    del server


def report(title: str, runs: list[Run], parts: dict[str, float]) -> None:
    """Print medians: the phases, the total, the bare parts, and what is left for us."""
    total = statistics.median(run.total for run in runs)
    print(f"\n{title}: {total:.2f} s from `up` to the first token of `chat` (median of {len(runs)})")
    for position, (phase, _) in enumerate(runs[0].phases):
        print(f"  phase {phase:<10} {statistics.median(run.phases[position][1] for run in runs):8.2f} s")
    print(f"  up, whole        {statistics.median(run.up for run in runs):8.2f} s")
    print(f"  chat, 1st token  {statistics.median(run.chat for run in runs):8.2f} s")
    for part, seconds in parts.items():
        print(f"  bare {part:<11} {seconds:8.2f} s")
    ours = total - sum(parts.values())
    print(f"  ours             {ours:8.2f} s = {ours / total:.0%}")


def measure(rounds: int, folder: Path) -> None:
    """Cold and warm, each beside its bare parts, in the same run."""
    env = {**os.environ, "ZEPHYR_STATE_DIR": str(folder / "state"), "ZEPHYR_CACHE_DIR": str(folder / "cache")}
    cold, warm, downloads, engines, pythons = [], [], [], [], []
    for _ in range(rounds):
        shutil.rmtree(folder / "cache", ignore_errors=True)
        cold.append(up_and_chat(env))
        down(env)
        warm.append(up_and_chat(env))
        down(env)
        model = next((folder / "cache").rglob("*.gguf"))
        engines.append(bare_engine(model, warm[-1].plan))
        downloads.append(bare_download(source_url(cold[-1].plan)))
        pythons.append(2 * run([sys.executable, "-c", "pass"], env).seconds)
    parts = {"engine": statistics.median(engines), "python, 2x": statistics.median(pythons)}
    report("cold", cold, {"download": statistics.median(downloads), **parts})
    report("warm", warm, parts)


def main() -> None:
    """Parse and run; in the child, serve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare-engine", help=argparse.SUPPRESS)
    for option in ("--parallel", "--threads", "--tokens"):
        parser.add_argument(option, type=int, default=1, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.bare_engine:
        serve_bare(args.bare_engine, args.parallel, args.threads, args.tokens)
        return
    with tempfile.TemporaryDirectory(prefix="local-up-") as folder:
        env = {"ZEPHYR_STATE_DIR": f"{folder}/state", "ZEPHYR_CACHE_DIR": f"{folder}/cache"}
        try:
            measure(args.rounds, Path(folder))
        finally:
            subprocess.run([tool(), "down"], env={**os.environ, **env}, capture_output=True, timeout=120, check=False)


if __name__ == "__main__":
    main()
