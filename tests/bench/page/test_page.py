"""A report as a page: whole, harmless whatever is in it, and read again."""

from __future__ import annotations

import re
from pathlib import Path

import html_pages
import pytest
from bench.simulated_reports import planned, simulated, watched

from zephyr_deploy.bench.loads import Open
from zephyr_deploy.bench.page.embedded import LARGE
from zephyr_deploy.bench.page.page import page
from zephyr_deploy.bench.page.words import DEFINITIONS, NAMES
from zephyr_deploy.bench.prompts.facts import PromptFacts
from zephyr_deploy.bench.report import BenchReport, LevelReport, Saturation
from zephyr_deploy.bench.saved import read_report
from zephyr_deploy.bench.server.view import ClientMachine, Environment, Series, ServerMachine, ServerView, Split, Times
from zephyr_deploy.bench.slo import Slo, goodput_of
from zephyr_deploy.bench.steady import Steady
from zephyr_deploy.errors import ConfigError

ROOT = Path(__file__).parents[3]
VOID = {"meta", "input"}
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7*7 }}]]>\u2028"


def read(text):
    return html_pages.read(text, VOID)


def said(text):
    return re.sub(r"\s+", " ", " ".join(read(text).text))


def test_every_part_is_there():
    report = simulated([1, 4, 16], requests=40)
    levels = tuple(watched(planned(level)) for level in report.levels)
    text = said(page(report.model_copy(update={"levels": levels})))
    for heading in (
        *("Latency against throughput", "Distributions", "Over time", "The server, at the same time"),
        *("The plan beside the measurement", "The instrument", "Environment", "All figures", "Definitions", "The data"),
    ):
        assert heading in text
    for shown in (
        "Trustworthy",
        "KV cache in use",
        "A million output tokens",
        "2,100 J",
        "nvidia-smi could not be read",
    ):
        assert shown in text


def test_an_slo_a_steady_stretch_and_a_saturation():
    slo = Slo(ttft_ms=60, itl_ms=30)
    report = simulated([1, 4], requests=80)
    levels = tuple(
        level.model_copy(
            update={
                "goodput": goodput_of(slo, level.log, level.seconds),
                "steady": Steady(from_ms=100.0, to_ms=900.0, share=0.5, requests_per_s=1.0, output_tokens_per_s=20.0),
            }
        )
        for level in report.levels
    )
    most = Saturation(
        load=levels[1].load, output_tokens_per_s=200, requests_per_s=4, why="More did not bring more.", found=True
    )
    drawn = page(report.model_copy(update={"levels": levels, "saturation": most}))
    text = said(drawn)
    assert "within ttft=60ms,itl=30ms" in text
    assert "Saturated 4 at once" in text
    assert "steady: its rates" in text
    assert "SLO 60 ms" in text
    assert "Goodput: share" in text
    assert re.search(r"Goodput: misses ttft \d+, itl \d+", text)


def test_prompts_ends_and_the_place_of_the_load():
    report = simulated([2], requests=20)
    level = report.levels[0].model_copy(update={"finished": {"length": 18, "eos_token": 2}})
    facts = PromptFacts(counted_by="estimate", remarks=("Nobody could count them.",))
    text = said(page(report.model_copy(update={"levels": (level,), "prompts": facts, "measured_from": "node"})))
    assert "Finished length 18, eos_token 2" in text
    assert "Prompts: Counted by estimate Prompts: Remarks Nobody could count them." in text
    assert "Requests sent from the machine that serves" in text
    assert "Finished" not in said(page(report))


def test_one_level_has_no_curve_and_a_report_without_requests_no_timeline():
    assert "Latency against throughput" not in said(page(simulated([4])))
    bare = simulated([1, 4])
    levels = tuple(level.model_copy(update={"log": ()}) for level in bare.levels)
    text = said(page(bare.model_copy(update={"levels": levels})))
    assert "Latency against throughput" in text
    assert "Over time" not in text
    assert "Distributions" not in text


def test_nothing_is_fetched():
    text = page(simulated([1, 4]))
    reader = read(text)
    assert not {"link", "img", "iframe", "object", "image", "use"} & set(reader.seen)
    assert not [name for name, _ in reader.attributes if name in {"src", "href"} or name.startswith("on")]
    assert not re.search(r"url\(|@import", text)
    assert "default-src 'none'" in text


def test_whatever_is_in_it_is_text():
    report = simulated([2], requests=20)
    (level,) = report.levels
    errors = {"error_examples": {EVIL: EVIL}, "errors": {EVIL: 1}, "remarks": (EVIL,), "partial": EVIL}
    client = level.client.model_copy(update={"reason": EVIL, "verdict": "noisy"})
    log = (level.log[0].model_copy(update={"failure": EVIL}), *level.log[1:])
    series = Series(name=EVIL, title=EVIL, unit=EVIL, points=((0.0, 1.0), (9.0, 2.0)))
    times = Times(name=EVIL, title=EVIL, n=1, mean_ms=1.0, p50_ms=None, p99_ms=None)
    split = Split(ttft_ms=9.0, network_ms=1.0, queue_ms=None, engine_ms=8.0, source=EVIL)
    view = ServerView(series=(series,), times=(times,), split=split, notes=(EVIL,))
    more = {"client": client, "log": log, "server": view, "finished": {EVIL: 1}}
    evil = planned(level).model_copy(update={**errors, **more})
    machine = ClientMachine(system=EVIL, kernel=EVIL, cpu=EVIL, cores=1, python=EVIL, load_1min=None)
    around = {
        "environment": Environment(client=machine, server=ServerMachine(gpus=(EVIL,), driver=EVIL), route="direct"),
        "prompts": PromptFacts(counted_by="file", remarks=(EVIL,)),
    }
    target = report.target.model_copy(update={"model_id": EVIL, "url": EVIL, "name": EVIL})
    text = page(report.model_copy(update={"levels": (evil,), "target": target, "tool_version": EVIL, **around}))
    reader = read(text)
    assert reader.seen.count("script") == 3
    assert "img" not in reader.seen
    assert "<script>alert" not in text
    assert EVIL.replace("\u2028", " ")[:20] in said(text)


@pytest.mark.parametrize(("requests", "packed"), [(8, False), (400, True)])
def test_a_page_is_read_again_as_the_report_that_it_shows(tmp_path, requests, packed):
    report = simulated([4], requests=requests)
    assert (len(report.model_dump_json()) > LARGE) == packed
    file = tmp_path / "page.html"
    file.write_text(page(report))
    assert read_report(file) == report


@pytest.mark.parametrize("damage", [lambda text: text.replace('id="report"', ""), lambda text: text[: len(text) // 3]])
def test_a_page_without_its_data_is_named(tmp_path, damage):
    file = tmp_path / "page.html"
    file.write_text(damage(page(simulated([4], requests=400))))
    with pytest.raises(ConfigError, match=r"page\.html is no report"):
        read_report(file)


def test_thousands_of_requests_stay_small():
    text = page(simulated([Open(rate_per_s=50)], requests=2000, tokens=20))
    drawn = text.partition('id="report"')[0]
    assert len(drawn) < 100 * 2000


def test_definitions_are_those_of_the_documentation():
    documented = (ROOT / "docs" / "benchmarking.md").read_text().replace("`", "")
    for _, text in DEFINITIONS:
        assert text in documented


def test_names_are_of_fields():
    known = {field for model in (LevelReport, BenchReport) for field in model.model_fields}
    assert {name for name in NAMES if name.endswith("_ms")} <= known


def test_a_report_of_version_1():
    text = said(page(read_report(ROOT / "tests" / "data" / "bench-report-1.json")))
    assert "Client too slow" in text
    assert "2,551" in text


def test_where_nothing_worked():
    report = simulated([1, 2], requests=3)
    gone = dict.fromkeys(("ttft_ms", "itl_ms", "tpot_ms", "e2e_ms", "rtt_ms", "prompt_tokens", "output_tokens"))
    levels = tuple(
        level.model_copy(
            update={
                **gone,
                "succeeded": 0,
                "output_tokens_per_s": 0.0,
                "usd_per_million_output_tokens": None,
                "log": tuple(
                    one.model_copy(update={"failure": "unreachable", "sent_ms": None, "ttft_ms": None, "gaps_us": ()})
                    for one in level.log
                ),
            }
        )
        for level in report.levels
    )
    assert "of 6 requests" in said(page(report.model_copy(update={"levels": levels})))
