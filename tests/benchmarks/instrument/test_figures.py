"""Said minus true, on a log and a report whose difference is known."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

import pytest
from benchmarks.loading import BENCHMARKS, program

ground_truth = program("instrument/ground_truth.py")
MS = 1_000_000


@pytest.fixture(autouse=True)
def _modules(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS / "instrument")


def served(number, first_byte_ms, ttft_ms=50.0, gap_ms=20.0, **changes):
    first = int(first_byte_ms * MS)
    sent = tuple(first + int((ttft_ms + k * gap_ms) * MS) for k in range(4))
    one = ground_truth.Served(
        number=number, connection=0, api="chat", mode="ok", id="", prompt="", end="complete", connected_ns=first,
        first_byte_ns=first, received_ns=first, stamped=True, offset_ns=0, tokens=4, tokens_per_event=1, blocked=0,
        due_ns=sent, sent_ns=sent,
    )  # fmt: skip
    return replace(one, **changes)


def found(requests, said, rate=None):
    from clients import Load
    from figures import Scenario, figures
    from measure import Cost

    own = ground_truth.Own(0, 0, 0, True, 0.5, 30_000, 80_000, 1 * MS)
    cost = Cost(began_ns=-2_000_000_000, seconds=1.0, cpu_s=1.5, peak_mib=40.0, out="")
    ticks = ((10.0, 10.0), (13.0, 11.0))
    return figures(said, ground_truth.Log(tuple(requests), own), cost, Scenario(Load(1, 4, rate), 0.0), ticks)


def said(**changes):
    from clients import Said

    return Said(**{"ttft_ms": {50: 51.5, 99: 60.0}, "gap_ms": {50: 20.0, 99: 21.0}, "warmup": 0, **changes})


def test_percentiles_are_of_the_requests_that_the_tool_counts():
    requests = [served(0, 0, ttft_ms=500), served(1, 1000), served(2, 2000), served(3, 3000, end="refused")]
    seen = found(requests, said(warmup=1))
    assert (seen.ttft_p50, seen.ttft_p99) == (pytest.approx(1.5), pytest.approx(10))
    assert (seen.gap_p50, seen.gap_p99) == (pytest.approx(0), pytest.approx(1))
    assert seen.answered == 2
    assert seen.load_s == pytest.approx(1.11)
    assert seen.start_s == pytest.approx(2)
    assert (seen.cpu_s_per_1k, seen.others) == (pytest.approx(1.5 / 16 * 1000), pytest.approx(1 / 4))
    assert (seen.request_p99, seen.each_gap_p99, seen.rate, seen.late_p99) == (None, None, None, None)


def test_single_requests_are_found_by_number_or_header_and_errors_do_not_cancel():
    requests = [served(0, 0), served(1, 1000, id="abc")]
    seen = found(requests, said(gap_ms=None, requests={0: (53.0, [20.0, 20.0, 25.0]), "abc": (47.0, [])}))
    assert seen.request_p99 == pytest.approx(3)
    assert seen.each_gap_p99 == pytest.approx(4.9)
    assert seen.gap_p50 is None


def test_arrivals_against_their_timetable():
    seen = found([served(n, at) for n, at in enumerate((5, 100, 207, 300))], said(), rate=10)
    assert seen.rate == pytest.approx(3 / 0.295)
    assert seen.late_p50 == pytest.approx(2.5)
    assert seen.late_p99 == pytest.approx(7, abs=0.1)
    assert seen.rate_off == pytest.approx(3 / 2.95 - 1)


def test_where_a_tool_names_its_requests_they_are_held_against_those():
    requests = [served(0, 0, ttft_ms=500), served(1, 1000), served(2, 2000, ttft_ms=80)]
    seen = found(requests, said(ttft_ms={50: 50, 99: 50}, warmup=0, requests={1: (50.25, [20.0] * 3)}))
    assert (seen.answered, seen.ttft_p99, seen.request_p99) == (1, pytest.approx(0), pytest.approx(0.25))


def test_medians_leave_out_what_was_not_said():
    from figures import medians

    runs = [found([served(0, 0)], said(ttft_ms={50: 50 + off, 99: 60}, gap_ms=None)) for off in (1, 5, 2)]
    assert medians(runs).ttft_p50 == pytest.approx(2)
    assert medians(runs).gap_p99 is None
    assert medians(runs).verdict is None


def test_each_verdict_is_told():
    from figures import medians

    assert medians([found([served(0, 0)], said(verdict=one)) for one in ("ok", "noisy", "ok")]).verdict == "ok, noisy"


def test_the_worst_run_is_told_beside_the_median():
    from clients import Load
    from figures import Scenario
    from tables import tables

    runs = [found([served(0, 0)], said(ttft_ms={50: 50, 99: 50 + off})) for off in (0.25, -7, 0.5)]
    assert "| +0.250 (-7.0) |" in tables({(Scenario(Load(1, 4), 0.0), "ours"): runs}, {})


def goal_rows(runs_of_ours, runs_of_another=()):
    import goals

    runs = {(goals.QUIET, "zephyr-deploy (openai)"): runs_of_ours, (goals.QUIET, "peer"): list(runs_of_another)}
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in goals.judged(runs).splitlines() if "|" in line]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def test_each_goal_is_told_beside_what_was_measured():
    ours, peer = (
        [found([served(0, 0)], said(ttft_ms={50: 50 + off, 99: 50})) for off in offs]
        for offs in ([-0.03, 0.02, 0.9], [7.5])
    )
    rows = goal_rows(ours, peer)
    first = rows[0]
    assert (first["what"], first["goal"], first[""]) == ("TTFT p50, said minus true", "≤ 0.05 ms", "ok")
    assert (first["measured (worst run)"], first["best other client"]) == ("0.03 (0.9)", "7.5 peer")
    # 1.5 s of CPU time for 4 tokens are far too much, and nothing was run on a busy machine.
    assert next(row for row in rows if "CPU" in row["what"])[""] == "**missed**"
    assert {row[""] for row in rows if "taken" in row["load"] or row["client"] == "native"} == {"not measured"}


def test_every_goal_is_a_figure_that_is_measured():
    from dataclasses import fields

    import goals
    from figures import Figures

    assert {goal.figure for goal in goals.GOALS} <= {one.name for one in fields(Figures)}
    assert len({(goal.figure, goal.scenario, goal.client) for goal in goals.GOALS}) == len(goals.GOALS)


def test_what_no_goal_speaks_of_may_be_run_once_and_not_with_very_many_at_once():
    import goals
    from clients import here

    run = program("instrument/run.py")
    asked = Namespace(peer_repeat=1, peer_most=512)

    def part(scenario, number):
        return [client.name for client in here() if run._takes_part(client, scenario, number, asked)]

    assert part(goals.QUIET, 0) == [client.name for client in here()]
    assert part(goals.QUIET, 1) == ["zephyr-deploy (openai)", "zephyr-deploy (native)"]
    assert part(goals.MANY, 0) == ["zephyr-deploy (openai)", "zephyr-deploy (native)"]


def test_the_tables_take_their_place_in_the_page():
    from clients import Load
    from figures import Scenario
    from tables import DOCUMENT, rewritten, tables

    runs = {(Scenario(Load(16, 96), 0.6), "ours"): [found([served(0, 0)], said())]}
    page = rewritten(DOCUMENT.read_text(encoding="utf-8"), tables(runs, {"ours": 25_600.4}))
    assert "**Closed loop, 16 at once, 60% of the machine taken**" in page
    assert "| ours | 1 | +1.5 |" in page
    assert "| ours | 25600 |" in page
    assert page == rewritten(page, tables(runs, {"ours": 25_600.4}))
    assert page.startswith("# ")
    assert page.partition("<!-- end of figures -->")[2].startswith("\n\n## What this does not show")
