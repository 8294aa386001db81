"""What zephyr-deploy's own error and cost shall be at most: one table, and each row beside what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from clients import OURS, Load
from figures import Scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    from figures import Figures

    Found = dict[tuple[Scenario, str], list[Figures]]

STREAMS, ROUNDS = 256, 6
RATE, OPEN_LOOP_S = 200.0, 8.0
TAKEN = 0.6
"""Of the machine, by others."""
MIB_PER_MB = 1e6 / (1 << 20)


def closed(streams: int, rounds: int = ROUNDS) -> Load:
    """So many at once, and a few rounds of them."""
    return Load(streams, rounds * streams)


def opened(rate: float) -> Load:
    """A timetable of some seconds; as many warm up as will be under way, since an answer takes 1.3 s."""
    return Load(max(1, round(rate * 1.3)), round(rate * OPEN_LOOP_S), rate)


QUIET = Scenario(closed(STREAMS))
NOISY = Scenario(closed(STREAMS), noise=TAKEN)
TIMETABLE = Scenario(opened(RATE))
MANY = Scenario(closed(1024), cores=1)


@dataclass(frozen=True)
class Goal:
    """One figure of one load: what it may be at most, in size."""

    what: str
    figure: str
    """Of `Figures`."""
    most: float
    unit: str
    scenario: Scenario
    kind: str = "openai"
    """Which client of ours."""

    @property
    def client(self) -> str:
        """Its name in the tables."""
        return f"{OURS} ({self.kind})"


def _errors(scenario: Scenario, kind: str) -> tuple[Goal, ...]:
    return (
        Goal("TTFT p50, said minus true", "ttft_p50", 0.05, "ms", scenario, kind),
        Goal("TTFT p99, said minus true", "ttft_p99", 0.05, "ms", scenario, kind),
        Goal("p99 of the errors of single requests' TTFT", "request_p99", 0.1, "ms", scenario, kind),
        Goal("p99 of the errors of single gaps", "each_gap_p99", 0.05, "ms", scenario, kind),
    )


GOALS: tuple[Goal, ...] = (
    *_errors(QUIET, "openai"),
    *_errors(NOISY, "openai"),
    *_errors(QUIET, "native"),
    Goal("CPU of the whole command for 1,000 tokens", "cpu_s_per_1k", 0.02, "s", QUIET),
    Goal("peak memory", "peak_mib", 80 * MIB_PER_MB, "MiB", QUIET),
    Goal("start of the command to its first request", "start_s", 0.3, "s", QUIET),
    Goal("arrivals behind the timetable, p99", "late_p99", 0.5, "ms", TIMETABLE),
    Goal("rate reached less rate asked for", "rate_off", 0.001, "of it", TIMETABLE),
    Goal("TTFT p99, said minus true", "ttft_p99", 0.1, "ms", MANY),
)
"""Two processors, 64 tokens, TTFT 50 ms, ITL 20 ms; set when the benchmark was designed, from what bare sockets and the
peers had reached (docs/explanation/measurement.md)."""
CLIENTS = frozenset(goal.client for goal in GOALS)
SCENARIOS = tuple(dict.fromkeys(goal.scenario for goal in GOALS))


def judged(found: Found) -> str:
    """Each goal beside the median of what was measured, the worst run, and the best other client of the same load."""
    rows = [["what", "load", "client", "goal", "measured (worst run)", "", "best other client"]]
    rows += [_row(goal, found) for goal in GOALS]
    rows.insert(1, ["---", "---", "---", "---:", "---:", "---", "---:"])
    return "\n".join(["**Goals**", "", *(f"| {' | '.join(row)} |" for row in rows)])


def _row(goal: Goal, found: Found) -> list[str]:
    sizes = {name: _sizes(goal, runs) for (scenario, name), runs in found.items() if scenario == goal.scenario}
    ours = sizes.get(goal.client)
    best = min(
        ((median(known), name) for name, known in sizes.items() if known and not name.startswith(OURS)), default=None
    )
    return [
        goal.what,
        str(goal.scenario),
        goal.kind,
        f"≤ {goal.most:.3g} {goal.unit}",
        f"{median(ours):.3g} ({max(ours):.3g})" if ours else "-",
        ("ok" if median(ours) <= goal.most else "**missed**") if ours else "not measured",
        f"{best[0]:.3g} {best[1]}" if best else "-",
    ]


def _sizes(goal: Goal, runs: Sequence[Figures]) -> list[float]:
    return [abs(value) for run in runs if (value := getattr(run, goal.figure)) is not None]
