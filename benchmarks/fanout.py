"""Eight machines against one: seconds of a cold `up` and of a `redeploy` where nothing changed, and the ratios.

The machines of a fleet have processors of their own, those of the lab share this machine's. So each is allowed a small
share of a processor, the same for the one and for the eight, engine included; one processor is left for the laptop's
side. The machines have the images; weights are fetched anew by each cold `up`. One machine and all of them take turns.

Beside the seconds stand the CPU seconds of the laptop, of what runs on the nodes outside of containers (sshd, Docker,
the program that is sent) and of the engines, and the floor: all of them divided by the processors of this machine,
below which nobody could go here. What grows with the machines and is not the nodes' is ours.

Usage: python benchmarks/fanout.py [--rounds 3] [--hosts 8] [--node-cpus 0.125] [--limit 1.5]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab_node import DATA, Used, allow, login, nodes, share_key, used
from timed import Ran, load, run, table, tool

if TYPE_CHECKING:
    from lab.node import Node

NOOPS = 3
"""No-op redeploys after each `up`."""


@dataclass(frozen=True)
class Sample:
    """One command over some machines."""

    ran: Ran
    on_nodes: Used

    @property
    def cpu_s(self) -> float:
        """All of it."""
        return self.ran.cpu_s + self.on_nodes.engines + self.on_nodes.rest

    @property
    def floor_s(self) -> float:
        """Seconds below which it cannot be done on this machine's processors."""
        return self.cpu_s / (os.cpu_count() or 1)


def sample(machines: list[Node], *command: str, changed: bool) -> Sample:
    """Run a command that tells whether it changed something, on all of the machines."""
    before = used(machines)
    ran = run([tool(), *command, "--output", "json"])
    on_nodes = used(machines) - before
    said = json.loads(ran.out)["data"]
    states = [service["state"] for service in said["services"]]
    if said["changed"] is not changed or states != ["ready"] * len(machines):
        sys.exit(f"{' '.join(command)}: changed is {said['changed']}, the machines are {states}:\n{ran.err}")
    return Sample(ran, on_nodes)


def measure(machines: list[Node], name: str, took: dict[str, list[Sample]]) -> None:
    """One cold `up` and some no-op redeploys, then nothing is left of it."""
    took["cold up"].append(sample(machines, "up", name, *login(*machines), changed=True))
    took["no-op redeploy"] += [sample(machines, "redeploy", name, changed=False) for _ in range(NOOPS)]
    run([tool(), "down", name, "--yes"])
    for machine in machines:
        machine.exec(f"rm -rf {DATA}")


def middle(samples: list[Sample]) -> list[float]:
    """Medians, in seconds: wall, CPU here, CPU of nodes and of engines, floor."""
    rows = [(s.ran.seconds, s.ran.cpu_s, s.on_nodes.rest, s.on_nodes.engines, s.floor_s) for s in samples]
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def report(few: dict[str, list[Sample]], many: dict[str, list[Sample]], hosts: int) -> float:
    """Print the medians; the larger of the ratios."""
    rows = [["", "machines", "median s", "CPU s: here", "nodes", "engines", "floor s"]]
    worst = 0.0
    for what, samples in few.items():
        one, all_ = middle(samples), middle(many[what])
        rows.append([what, "1", *(f"{seconds:.2f}" for seconds in one)])
        rows.append(["", str(hosts), *(f"{seconds:.2f}" for seconds in all_)])
        rows.append(["", "ratio", *(f"{more / less:.2f} x" for more, less in zip(all_, one, strict=True))])
        worst = max(worst, all_[0] / one[0])
    table(rows)
    return worst


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hosts", type=int, default=8)
    parser.add_argument("--node-cpus", type=float, help="processors of each node; unset: all but one, shared out")
    parser.add_argument("--limit", type=float, help="fail where all take more than so many times the time of one")
    options = parser.parse_args()
    few: dict[str, list[Sample]] = {"cold up": [], "no-op redeploy": []}
    many: dict[str, list[Sample]] = {"cold up": [], "no-op redeploy": []}
    with nodes(options.hosts) as (machines, _):
        share_key(machines)
        processors = options.node_cpus or max(1, (os.cpu_count() or 1) - 1) / options.hosts
        allow(machines, processors)
        for _ in range(options.rounds):
            measure(machines[:1], "one", few)
            measure(machines, "all", many)
        said = f"{options.hosts} machines of {processors:.2f} processors against one"
        print(f"{said}, median of {options.rounds}, {load()}:")
        worst = report(few, many, options.hosts)
    return int(options.limit is not None and worst > options.limit)


if __name__ == "__main__":
    sys.exit(main())
