"""What each engine's metrics say, over time and over a level."""

from __future__ import annotations

import pytest
from emulators.metrics import TEXTS, text_of

from zephyr_deploy.bench.server.raw import Raw, of_level
from zephyr_deploy.bench.server.readings import kind_of, read, restarted, series_of, times_of
from zephyr_deploy.bench.server.view import Series
from zephyr_deploy.engines.shown import CLOCKS, CURVES, all_shown

SECOND = 1_000_000_000
BEGAN, ENDED = 5 * SECOND, 100 * SECOND


def seen(engine, *done):
    """Readings a second apart, the first at the level's begin."""
    return [read(text_of(engine, many), BEGAN + place * SECOND) for place, many in enumerate(done)]


def series(engine, *done):
    readings = seen(engine, *done)
    return {one.name: one for one in series_of(readings, kind_of(readings, all_shown()), BEGAN, ENDED)}


@pytest.mark.parametrize("engine", TEXTS)
def test_queue_batch_and_tokens_are_told_by_every_engine(engine):
    found = series(engine, 100, 110, 130)
    assert found["queue"].points == ((0, 3), (1000, 3), (2000, 3))
    assert found["running"].mean == 18
    assert found["output_tokens"].points == ((1000, 500), (2000, 1000))
    assert all((one.title, one.unit) == CURVES[one.name] for one in found.values())


def test_only_a_level_s_own_readings_say_how_it_was_meanwhile():
    readings = [read(text_of("tgi", many, queue=many), at * SECOND) for at, many in ((4, 1), (5, 2), (6, 3), (7, 4))]
    found = {one.name: one for one in series_of(readings, all_shown()[0], BEGAN, 6 * SECOND)}
    assert [value for _, value in found["queue"].points] == [2, 3]
    assert [at for at, _ in found["finished"].points] == [0, 1000, 2000]
    (queue, *_) = series_of(readings, all_shown()[0], 50 * SECOND, 51 * SECOND)
    assert len(queue.points) == 4  # better than none


@pytest.mark.parametrize(
    ("points", "mean"), [((), None), (((0, 7),), 7), (((0, 1), (0, 3)), 2), (((0, 10), (1000, 10), (1100, 100)), 14.29)]
)
def test_a_mean_is_over_time(points, mean):
    found = Series(name="x", title="", unit="", points=points).mean
    assert found == (None if mean is None else pytest.approx(mean, abs=0.01))


def test_shares_are_percent():
    assert series("vllm", 100, 110)["kv"].points == ((0, pytest.approx(43)), (1000, pytest.approx(43)))
    assert series("vllm", 100, 110)["cache_hits"].points == ((1000, pytest.approx(40)),)
    assert series("sglang", 100, 110)["cache_hits"].points[0][1] == pytest.approx(0.75, abs=0.01)
    assert series("sglang", 100, 110)["kv"].mean == pytest.approx(28)


@pytest.mark.parametrize("engine", ["tgi", "vllm", "sglang"])
def test_the_queue_s_time_is_that_of_the_requests_between(engine):
    readings = seen(engine, 100, 140)
    times = {one.name: one for one in times_of(readings, kind_of(readings, all_shown()))}
    assert times["queue"].n == 40
    assert times["queue"].mean_ms == pytest.approx(10)
    assert times["queue"].title == CLOCKS["queue"]


def test_quantiles_are_linear_within_a_bucket():
    (queue,) = [one for one in times_of(seen("tgi", 100, 140), all_shown()[0]) if one.name == "queue"]
    assert queue.p50_ms == pytest.approx(8.6)
    assert queue.p99_ms == pytest.approx(8.6 + (12.9 - 8.6) * 0.98)


def test_a_label_tells_prefill_from_decode():
    times = {one.name: one for one in times_of(seen("tgi", 100, 140), all_shown()[0])}
    assert (times["prefill_step"].n, times["prefill_step"].mean_ms) == (40, pytest.approx(30))
    assert "decode_step" not in times  # none in between


def test_beyond_the_last_bound_nobody_knows():
    text = 'tgi_request_duration_bucket{{le="1"}} {}\ntgi_request_duration_bucket{{le="+Inf"}} {}\n'
    text += "tgi_request_duration_sum {}\ntgi_request_duration_count {}\n"
    (e2e,) = times_of([read(text.format(0, 0, 0, 0), 0), read(text.format(1, 10, 50, 10), SECOND)], all_shown()[0])
    assert (e2e.mean_ms, e2e.p50_ms, e2e.p99_ms) == (5000, None, None)


def test_label_sets_are_added_or_averaged():
    two = text_of("vllm", 100).replace('engine="0"', 'engine="1"')
    both = read(text_of("vllm", 100) + "\n".join(line for line in two.splitlines() if not line.startswith("#")), 0)
    assert both.total(["vllm:num_requests_running"]) == 36
    assert both.total(["vllm:kv_cache_usage_perc"], "mean") == pytest.approx(0.43)


def test_older_names_count_where_the_newer_are_not():
    old = text_of("vllm", 100).replace("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
    found = series_of([read(old, 0)], kind_of([read(old, 0)], all_shown()), 0, ENDED)
    (kv,) = [one for one in found if one.name == "kv"]
    assert kv.mean == pytest.approx(43)


def test_a_server_started_anew_makes_no_negative_rate():
    readings = seen("tgi", 100, 8, 16)
    shown = all_shown()[0]
    (tokens,) = [one for one in series_of(readings, shown, BEGAN, ENDED) if one.name == "output_tokens"]
    assert tokens.points == ((2000, 400),)
    assert restarted(readings, shown)
    assert not restarted(seen("tgi", 8, 16), shown)


def test_a_counter_that_appears_with_its_first_use_began_at_0():
    readings = [read("tgi_queue_size 0\n", BEGAN), read("tgi_request_success 7\n", BEGAN + SECOND)]
    (finished,) = [one for one in series_of(readings, all_shown()[0], BEGAN, ENDED) if one.name == "finished"]
    assert finished.points == ((1000, 7),)


@pytest.mark.parametrize("text", ["", "\n", "# TYPE x counter\n", "x NaN\n", 'x{a="}\\"{ 1",b="\\n"} +Inf\n'])
def test_odd_text_says_nothing(text):
    readings = [read(text, 0), read(text, SECOND)]
    assert kind_of(readings, all_shown()) is None
    assert series_of(readings, all_shown()[0], 0, ENDED) == ()


def test_what_is_no_number_is_no_point():
    readings = [read(f"llamacpp:requests_deferred {value}\n", 0) for value in ("nan", "2", "+Inf")]
    (queue,) = series_of(readings, kind_of(readings, all_shown()), 0, ENDED)
    assert [value for _, value in queue.points] == [2]


def raws(*at):
    return [Raw(one, {"text": "tgi_queue_size 3\n"}) for one in at]


def test_a_level_has_its_readings_and_one_on_either_side():
    assert [one.at_ns for one in of_level(raws(1, 2, 5, 6, 9, 10), 3, 8)[0]] == [2, 5, 6, 9]
    assert [one.at_ns for one in of_level(raws(1, 2), 20, 30)[0]] == [2]
    assert of_level([], 0, 1) == ([], [])


def test_failures_of_other_levels_are_told_only_where_there_is_nothing_else():
    failed = Raw(50, {"failure": "it was silent for 2 s"})
    assert of_level([*raws(1, 2, 5), failed], 0, 4)[1] == []
    assert of_level([*raws(1, 2, 60), failed], 40, 55)[1] == ["it was silent for 2 s"]
    assert of_level([failed], 0, 4) == ([], ["it was silent for 2 s"])


def test_text_that_is_none_is_a_failure():
    found, whys = of_level([Raw(1, {"text": "a{b=1} {} 7 8 9\n"})], 0, 4)
    assert found == []
    assert "cannot be read" in whys[0]


def test_every_name_of_a_curve_has_a_title():
    for shown in all_shown():
        assert {curve.name for curve in shown.curves} <= set(CURVES)
        assert {clock.name for clock in shown.clocks} <= set(CLOCKS)
        assert all(name.startswith(shown.prefix) for name in shown.names)
