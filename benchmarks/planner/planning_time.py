"""How long a plan takes: every card, count, quantization and engine weighed, advised and predicted.

Everything is looked up already, as in a second call within one process; CPU time of this process, the median of
several runs. The whole program, from the shell and back, is timed too: it loads Python, the tables and this package.

::

    python benchmarks/planner/planning_time.py --runs 9 --limit 1.0
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.planning import estimate_of, look_up
from zephyr_deploy.plan.workload import Slo, Workload
from zephyr_deploy.spec.deployment import Deployment, Engine, Machine

if TYPE_CHECKING:
    from collections.abc import Callable

LOADS = {
    "closed loop": (Workload(concurrency=32), Slo(ttft_ms=300, itl_ms=40)),
    "request rate": (Workload(request_rate=5), Slo(ttft_ms=300, itl_ms=40, percentile="p99")),
    "nothing is so fast": (Workload(concurrency=32), Slo(itl_ms=0.1)),
}
WISHES = {
    "one card, TGI": Deployment(machine=Machine(gpu="l4"), engine=Engine(name="tgi")),
    "all cards, TGI": Deployment(engine=Engine(name="tgi")),
    "all cards, all engines": Deployment(),
}
COMMAND = (sys.executable, "-m", "zephyr_deploy", "plan", "--offline", "--itl", "40ms", "--concurrency", "32")


def timed(work: Callable[[], object], runs: int) -> float:
    """Median CPU seconds."""
    taken = []
    for _ in range(runs):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def timed_program(runs: int) -> float:
    """Median CPU seconds of the whole program."""
    taken = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(COMMAND, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(taken)


def main() -> None:
    """Print a table; with --limit, fail where the whole catalogue takes longer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--limit", type=float, help="seconds that the slowest plan may take")
    given = parser.parse_args()
    slowest = 0.0
    print(f"{'wish':24} {'load':20} {'candidates':>10} {'seconds':>8} {'us each':>8}")
    for wish_name, wish in WISHES.items():
        known = look_up(wish, offline=True)
        for load_name, (workload, slo) in LOADS.items():
            count = estimate_of(wish, known, workload, slo).considered
            seconds = timed(lambda: estimate_of(wish, known, workload, slo), given.runs)  # noqa: B023 - called at once
            slowest = max(slowest, seconds)
            print(f"{wish_name:24} {load_name:20} {count:10} {seconds:8.3f} {seconds / count * 1e6:8.0f}")
    print(f"{'the whole program':24} {'closed loop':20} {'':10} {timed_program(given.runs):8.3f}")
    if given.limit and slowest > given.limit:
        sys.exit(f"the slowest took {slowest:.3f} s, more than {given.limit:g} s")


if __name__ == "__main__":
    main()
