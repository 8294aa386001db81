"""A cold `up` on a machine: seconds of each phase, whose they are, and what fetching side by side saves.

A machine of the lab has neither image nor weights when `up` begins. Ours is what remains of `up`, as a whole process,
after the parts that nobody could leave out, each measured bare on the same machine: the same image and weights fetched
by `docker pull` and `curl` at once, and the same engine started by systemd until it generates.

For the second part the registry and the hub each give so many bytes a second of a stream. One after the other is
`docker pull` first, and then the same `up`, which finds the image and fetches the weights.

Usage: python benchmarks/cold_up.py [--rounds 3] [--rate-mb 4] [--limit 0.8]
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab_node import DATA, login, nodes
from timed import load, run, table, tool

if TYPE_CHECKING:
    from lab.node import Node

HOME = "/opt/zephyr-deploy/zephyr"
BARE_S = 600.0
GENERATES = """
systemctl stop {unit}
date +%s.%N
systemctl start {unit}
until curl -sf -m 60 -o /dev/null -H 'Content-Type: application/json' \\
  -d '{{"inputs":"Hi","parameters":{{"max_new_tokens":1}}}}' http://127.0.0.1:{port}/generate; do sleep 0.05; done
date +%s.%N
"""


@dataclass(frozen=True)
class Up:
    """One cold `up`."""

    seconds: float
    phases: list[tuple[str, float]]
    """Name and seconds, in the order in which they ended."""
    release: str

    def of(self, phase: str) -> float:
        """Seconds of all phases of that name."""
        return sum(seconds for name, seconds in self.phases if name == phase)


def up(node: Node) -> Up:
    """The user's way."""
    ran = run([tool(), "up", *login(node), "--output", "json"])
    said = json.loads(ran.out)["data"]
    if not said["changed"] or said["service"]["state"] != "ready":
        sys.exit(f"up brought nothing about:\n{ran.out}{ran.err}")
    return Up(ran.seconds, [(phase["phase"], phase["seconds"]) for phase in said["phases"]], said["release"])


def fresh(node: Node) -> None:
    """Leave nothing on the machine, images and weights included."""
    run([tool(), "down", "--purge", "--yes"])
    node.exec(f"docker image prune --all --force && rm -rf {DATA}", timeout_s=120)


def took(node: Node, command: str) -> float:
    """Seconds of a command on the machine; ends the benchmark where it fails."""
    began = time.perf_counter()
    node.exec(command, timeout_s=BARE_S)
    return time.perf_counter() - began


def wanted(node: Node, release: str) -> dict[str, list[str]]:
    """What has to be fetched for a release: images by digest, files by address."""
    about = json.loads(node.exec(f"cat {HOME}/releases/{release}/release.json").stdout)
    model = about["model"]
    there = f"{os.environ['HF_ENDPOINT']}/{model['repo']}/resolve/{model['commit']}"
    return {"images": about["images"], "files": [f"{there}/{file['path']}" for file in model["files"]]}


def pull(images: list[str]) -> str:
    """A command that pulls them, one after the other, as `up` does."""
    return "set -e; " + "; ".join(f"docker pull --quiet {shlex.quote(image)} >/dev/null" for image in images)


def bare_fetch(node: Node, what: dict[str, list[str]]) -> float:
    """Seconds to fetch the same by the usual programs, images and files at once; nothing is kept of the files."""
    files = " ".join(shlex.quote(url) for url in what["files"])
    curl = f"printf '%s\\n' {files} | xargs -n 1 -P 8 curl -sfL -o /dev/null"
    return took(node, f"({curl}) & fetching=$!; {pull(what['images'])}; wait $fetching")


def bare_engine(node: Node, release: str) -> float:
    """Seconds from `systemctl start` of the engine's unit to its first token."""
    port = node.exec(f"sed -n s/ZEPHYR_PORT=//p {HOME}/ports/{release}.env").stdout.strip()
    script = GENERATES.format(unit=f"zephyr-zephyr@{release}.service", port=port)
    began, ended = node.exec(script, timeout_s=BARE_S).stdout.split()
    return float(ended) - float(began)


def whose(node: Node, rounds: int) -> dict[str, list[str]]:
    """Part one; what has to be fetched, for part two."""
    ups, fetches, engines, pythons = [], [], [], []
    what: dict[str, list[str]] = {}
    for _ in range(rounds):
        ups.append(up(node))
        what = wanted(node, ups[-1].release)
        engines.append(bare_engine(node, ups[-1].release))
        fresh(node)
        fetches.append(bare_fetch(node, what))
        pythons.append(run([sys.executable, "-c", "pass"]).seconds)
        node.exec("docker image prune --all --force", timeout_s=120)
    total = statistics.median(one.seconds for one in ups)
    rows = [["phase", "median s"]]
    for number, (phase, _) in enumerate(ups[0].phases):
        rows.append([phase, f"{statistics.median(one.phases[number][1] for one in ups):.2f}"])
    parts = {"bare fetch": fetches, "bare engine": engines, "bare python": pythons}
    bare = {name: statistics.median(seconds) for name, seconds in parts.items()}
    rows += [[name, f"{seconds:.2f}"] for name, seconds in {"up, whole": total, **bare}.items()]
    rest = total - sum(bare.values())
    print(f"cold up, median of {rounds}, {load()} (image and weights run side by side):")
    table([*rows, ["ours", f"{rest:.2f} = {rest / total:.0%}"]])
    return what


def side_by_side(node: Node, rounds: int, rate: int, what: dict[str, list[str]]) -> float:
    """Part two: print it; the time side by side as a share of the time one after the other."""
    together, apart = [], []
    with node.fault("hub", rate=rate), node.fault("registry", path="/blobs/", rate=rate):
        for _ in range(rounds):
            one = up(node)
            image, weights = one.of("image"), one.of("weights")
            together.append((image, weights, max(image, weights), one.seconds))
            fresh(node)
            image, two = took(node, pull(what["images"])), up(node)
            weights = two.of("weights")
            apart.append((image, weights, image + weights, image + two.seconds))
            fresh(node)
    middle = [[statistics.median(column) for column in zip(*way, strict=True)] for way in (together, apart)]
    rows = [["median s", "image", "weights", "both", "up, whole"]]
    for name, figures in zip(("side by side", "one after the other"), middle, strict=True):
        rows.append([name, *(f"{seconds:.2f}" for seconds in figures)])
    shares = [less / more for less, more in zip(*middle, strict=True)]
    print(f"\n{rate / 1e6:g} MB/s of each stream, median of {rounds}, {load()}:")
    table([*rows, ["share", "", "", *(f"{share:.2f}" for share in shares[2:])]])
    return shares[2]


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate-mb", type=float, default=4.0, help="megabytes a second of each stream, in part two")
    parser.add_argument("--limit", type=float, help="fail where fetching side by side takes more than this share")
    options = parser.parse_args()
    with nodes(preload=False) as ((node,), _):
        what = whose(node, options.rounds)
        share = side_by_side(node, options.rounds, int(options.rate_mb * 1e6), what)
    return int(options.limit is not None and share > options.limit)


if __name__ == "__main__":
    sys.exit(main())
