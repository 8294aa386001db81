"""Prints the error of benchmarks: what each says minus what was so, and what it costs.

docs/explanation/measurement.md says what the columns mean. All run against the same ground-truth server (gtserver.c,
built here by the C compiler), one after the other, again and again, in an order that goes round, so that a busy minute
of the machine meets each of them. Figures are medians over the repetitions::

    python benchmarks/instrument/run.py                     # ours, and bare loops over two clients
    python benchmarks/instrument/run.py --peers --write     # aiperf and guidellm too (7 GB); into the documentation
    python benchmarks/instrument/run.py --noise 0.6         # again with 60 % of all processors taken by others
    python benchmarks/instrument/run.py --goals --peers --peer-repeat 1   # the loads of our goals, and those beside
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))

import clients
import goals
import ground_truth
import measure
import noise
import peers
from figures import Figures, Held, Scenario, figures
from tables import DOCUMENT, rewritten, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

ENVIRONMENTS = Path.home() / ".cache" / "zephyr-deploy-instrument"
LEVELS = tuple(1 << power for power in range(4, 12))
CEILING_ROUNDS = 3
SMALL_MS = 1.0
"""The error of the p99 of TTFT, and of gaps where a client tells of them, up to which a token rate counts as held."""
Found = dict[tuple[Scenario, str], list[Figures]]


def scenarios(args: argparse.Namespace) -> list[Scenario]:
    """Those of the goals, or each load, with nothing beside it and with each share of the machine taken."""
    if args.goals:
        return list(goals.SCENARIOS)
    loads = [goals.closed(level, args.rounds) for level in args.concurrency] + [*map(goals.opened, args.rates)]
    return [Scenario(load, share) for share in (0.0, *args.noise) for load in loads]


def once(program: Path, client: clients.Client, scenario: Scenario, seed: int, deadline_s: float) -> Figures:
    """One client against a fresh server.

    Raises:
        FailedError: it did not end well, or not in time.
    """
    with tempfile.TemporaryDirectory() as name, noise.noise(scenario.noise, scenario.cores):
        folder = Path(name)
        with ground_truth.running(program, *clients.SERVER, "--seed", str(seed)) as server:
            before = noise.ticks()
            cost = measure.run(client.command(server.url, scenario.load, folder), folder, deadline_s)
            after = noise.ticks()
            log = server.log()
        return figures(client.said(cost.out, scenario.load, folder), log, cost, scenario, (before, after))


def measured(chosen: Sequence[clients.Client], planned: Sequence[Scenario], args: argparse.Namespace) -> Found:
    """Everything, round after round; what failed is told at once and counts for nothing."""
    found: Found = {(scenario, client.name): [] for scenario in planned for client in chosen}
    with tempfile.TemporaryDirectory() as name:
        program = ground_truth.build(Path(name))
        for number in range(args.repeat):
            turn = (args.seed + number) % len(chosen)
            for scenario in planned:
                for client in (*chosen[turn:], *chosen[:turn]):
                    if not _takes_part(client, scenario, number, args):
                        continue
                    print(f"{number + 1} of {args.repeat}: {scenario}: {client.name}", file=sys.stderr)
                    try:
                        now = once(program, client, scenario, args.seed + number, args.deadline)
                    except measure.FailedError as error:
                        print(error, file=sys.stderr)
                    else:
                        found[scenario, client.name].append(now)
    return found


def _takes_part(client: clients.Client, scenario: Scenario, number: int, args: argparse.Namespace) -> bool:
    """Clients that no goal speaks of may be spared repetitions, and loads of very many at once."""
    if client.name in goals.CLIENTS:
        return True
    return number < args.peer_repeat and scenario.load.concurrency <= args.peer_most


def ceilings(chosen: Sequence[clients.Client], args: argparse.Namespace) -> Held:
    """The highest token rate of each client at which its error stayed small: more at once until it does not."""
    held: Held = {}
    with tempfile.TemporaryDirectory() as name:
        program = ground_truth.build(Path(name))
        for client in chosen:
            held[client.name] = max(_ceiling(program, client, args.seed + n, args.deadline) for n in range(args.repeat))
    return held


def _ceiling(program: Path, client: clients.Client, seed: int, deadline_s: float) -> float:
    highest = 0.0
    for level in LEVELS:
        print(f"{level} at once: {client.name}", file=sys.stderr)
        scenario = Scenario(clients.Load(level, CEILING_ROUNDS * level), 0.0)
        try:
            now = once(program, client, scenario, seed, deadline_s)
        except measure.FailedError as error:
            print(error, file=sys.stderr)
            break
        if max(abs(now.ttft_p99), abs(now.gap_p99 or 0.0)) > SMALL_MS:
            break
        highest = now.answered * clients.TOKENS / now.load_s
    return highest


def arguments() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = {"type": float, "nargs": "*"}
    parser.add_argument("--concurrency", type=int, nargs="*", default=[16, 64, 256], help="closed loops")
    parser.add_argument("--rounds", type=int, default=6, help="of a closed loop: requests for each one at a time")
    parser.add_argument("--rates", **numbers, default=[20, 100, 200], help="open loops, requests a second")
    parser.add_argument("--noise", **numbers, default=[], help="also with these shares of all processors taken")
    parser.add_argument("--goals", action="store_true", help="instead of those: the loads of our goals, and the goals")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peer-repeat", type=int, default=1000, help="fewer for clients that no goal speaks of")
    parser.add_argument("--peer-most", type=int, default=512, help="most at once that is asked of those")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--deadline", type=float, default=240.0, help="seconds for one command")
    parser.add_argument("--peers", action="store_true", help="aiperf and guidellm too; installs them on first use")
    parser.add_argument("--environments", type=Path, default=ENVIRONMENTS, help="where those are installed")
    parser.add_argument(
        "--ceiling", action="store_true", help=f"also the token rate held with errors of {SMALL_MS:g} ms"
    )
    parser.add_argument("--only", nargs="*", default=[""], help="clients whose name has one of these words")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {DOCUMENT.name}")
    return parser.parse_args()


def main() -> None:
    """Measure, print, write."""
    args = arguments()
    known = clients.here() + (peers.peers(args.environments) if args.peers else [])
    chosen = [client for client in known if any(word in client.name for word in args.only)]
    try:
        found = measured(chosen, scenarios(args), args)
        held = ceilings(chosen, args) if args.ceiling else {}
    except ground_truth.NoCompilerError as error:
        sys.exit(str(error))
    text = tables(found, held)
    if args.goals:
        text += "\n\n" + goals.judged(found)
    print(text)
    if args.write:
        DOCUMENT.write_text(rewritten(DOCUMENT.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    main()
