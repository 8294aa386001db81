"""What was measured is kept, found again, and heeded by plans."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from bench_reports import ZEPHYR, level, report

from zephyr_deploy.bench.report import BenchReport
from zephyr_deploy.deploy.calibrations import calibration_of, calibrations_dir, keep_points
from zephyr_deploy.deploy.corrections import Corrections
from zephyr_deploy.deploy.planning import estimate_of, look_up, setup_of
from zephyr_deploy.deploy.reports import read_reports
from zephyr_deploy.engines.registry import engine
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.served import Served, key_of
from zephyr_deploy.plan.speed.measured import Point
from zephyr_deploy.plan.workload import Slo, Workload
from zephyr_deploy.spec.deployment import Deployment, Engine, Machine

WISH = Deployment(machine=Machine(gpu="l4"))
SERVED = Served(model=ZEPHYR, engine="tgi", image=engine("tgi").image, gpu="l4", shards=1, weights="16bit")
DAY = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "state"))


def itl(value, concurrency=1, tokens=64):
    return Point(kind="itl", concurrency=concurrency, input_tokens=tokens, output_tokens=64, value=value)


def planned(*, wish=WISH, **how):
    return estimate_of(wish, look_up(wish, offline=True, **how), Workload(), Slo())


def test_the_next_plan_is_corrected_says_so_and_is_surer():
    before = planned()
    slow = before.outlook.asked.itl_ms * 1.3
    keep_points(SERVED, "chat", [itl(slow), itl(slow * 1.15, 8), itl(slow * 1.4, 32)], DAY)
    after = planned()
    assert after.outlook.asked.itl_ms == pytest.approx(slow, rel=0.08)
    assert f"Corrected by your measurement of 2026-11-20 on chat ({SERVED.image})." in after.outlook.notes
    assert width(after) < 0.8 * width(before)
    assert after.outlook.correction.bandwidth_use < 1


def width(result):
    found = result.outlook.asked.prediction.itl_ms
    return found.high / found.low - 1


def test_it_can_be_left_out():
    before = planned()
    keep_points(SERVED, "chat", [itl(200)], DAY)
    assert planned(learned=False) == before


@pytest.mark.parametrize(
    "other",
    [{"gpu": "a10g"}, {"shards": 2}, {"weights": "fp8"}, {"engine": "vllm"}, {"model": "mistralai/Mistral-7B-v0.1"}],
)
def test_it_says_nothing_of_another_setup(other):
    keep_points(SERVED.model_copy(update=other), "chat", [itl(200)], DAY)
    assert planned().outlook.correction is None


def test_another_version_of_the_engine_is_said():
    keep_points(SERVED.model_copy(update={"image": "tgi:2.0"}), "chat", [itl(80)], DAY)
    assert any(f"tgi:2.0); {SERVED.image} is planned" in note for note in planned().outlook.notes)
    own = planned(wish=WISH.model_copy(update={"engine": Engine(image="tgi:2.0")}))
    assert not any("is planned" in note for note in own.outlook.notes)


def test_a_later_figure_replaces_the_earlier_one_and_others_stay():
    keep_points(SERVED, "chat", [itl(60), itl(90, 8), itl(70, tokens=1024)], DAY)
    found = keep_points(SERVED, "other", [itl(66, tokens=70)])
    assert [point.value for point in found.points] == [90, 70, 66]
    assert calibration_of(SERVED.key) == found
    assert found.name == "other"
    upgraded = SERVED.model_copy(update={"image": "tgi:4"})
    assert [one.value for one in keep_points(upgraded, "chat", [itl(50)]).points] == [50]
    assert keep_points(upgraded, "chat", []) is None


@pytest.mark.parametrize("text", ["", "{", '{"schema_version": 9}', "\x00", "[]"])
def test_a_spoiled_file_is_named_and_not_heeded(text):
    keep_points(SERVED, "chat", [itl(200)], DAY)
    (path,) = calibrations_dir().iterdir()
    path.write_text(text)
    found = planned()
    assert found.outlook.correction is None
    assert any(note.startswith(f"{path} is no measurement") for note in found.notes)
    keep_points(SERVED, "chat", [itl(80)], DAY)
    assert planned().outlook.correction


def test_keys_of_a_wish_and_of_what_is_served_are_the_same():
    known = look_up(WISH, offline=True)
    assert key_of(setup_of(WISH, known.model, gpus()["l4"])) == SERVED.key


@pytest.fixture
def file(tmp_path):
    def write(data, name="one.json"):
        path = tmp_path / name
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        return path

    return write


def test_reports_on_file(file):
    one, two = file(report(level(1, 75))), file({"kind": "bench", "data": report(level(8, 85))}, "two.json")
    found = planned(reports=read_reports([one, two]))
    assert found.outlook.asked.itl_ms == pytest.approx(75, rel=0.08)
    assert "Corrected by your measurement of 2026-11-02 on chat (one.json, two.json)." in found.outlook.notes


def test_a_report_of_another_card_says_nothing(file):
    other = report(level(1, 75), served=SERVED.model_copy(update={"gpu": "a10g"}))
    assert planned(reports=read_reports([file(other)])).outlook.correction is None


def test_figures_that_say_nothing_of_the_engine_are_left_out(file):
    held_up = {**level(1, 1)["client"], "verdict": "client_bottleneck"}
    levels = (level(1, 75), level(4, 5, succeeded=8), level(8, 5, client=held_up), level(16, 90))
    (found,) = read_reports([file(report(*levels))])
    assert [(one.kind, one.concurrency) for one in found.points] == [
        ("throughput", 1),
        ("ttft", 1),
        ("itl", 1),
        ("itl", 16),
    ]


OPEN = {
    name: value for name, value in level(1, 75, load={"kind": "open", "rate_per_s": 5}).items() if name != "concurrency"
}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "no JSON"),
        ([1], "no report of a benchmark"),
        ({"a": 1}, "no report of a benchmark"),
        (report(level(1, 75), schema_version=7), "its form is version 7"),
        (report(level(1, 75, succeeded=1)), "no figure to learn from"),
        (report(), "no figure to learn from"),
        (report(level(1, 75), spec={"turns": 2}), "no figure to learn from: a prefix cache"),
        (report(OPEN), "no figure to learn from: it has no closed loop"),
        (report({**level(1, 75), "seconds": "NaN?"}), "seconds"),
    ],
)
def test_a_file_that_is_none_is_named(file, data, why):
    path = file(data)
    with pytest.raises(ConfigError, match=why) as caught:
        read_reports([path])
    assert str(path) in caught.value.message


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_reports([tmp_path / "none.json"])


def test_reports_read_back_what_this_version_writes(file):
    whole = BenchReport.model_validate(report(level(1, 75), served=SERVED))
    (found,) = read_reports([file(whole.model_dump_json())])
    assert found.served == SERVED


def test_a_setup_is_solved_once(monkeypatch):
    keep_points(SERVED, "chat", [itl(80)], DAY)
    correct, setup = Corrections(WISH), setup_of(WISH, look_up(WISH, offline=True).model, gpus()["l4"])
    assert correct(setup) is correct(setup)
