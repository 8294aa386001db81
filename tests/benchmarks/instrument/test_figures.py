"""Said minus true, on a log and a report whose difference is known."""

from __future__ import annotations

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


def test_medians_leave_out_what_was_not_said():
    from figures import medians

    runs = [found([served(0, 0)], said(ttft_ms={50: 50 + off, 99: 60}, gap_ms=None)) for off in (1, 5, 2)]
    assert medians(runs).ttft_p50 == pytest.approx(2)
    assert medians(runs).gap_p99 is None


def test_the_worst_run_is_told_beside_the_median():
    from clients import Load
    from figures import Scenario
    from tables import tables

    runs = [found([served(0, 0)], said(ttft_ms={50: 50, 99: 50 + off})) for off in (0.25, -7, 0.5)]
    assert "| +0.250 (-7.0) |" in tables({(Scenario(Load(1, 4), 0.0), "ours"): runs}, {})


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
    assert page.rstrip().endswith("`tests/bench`.")
