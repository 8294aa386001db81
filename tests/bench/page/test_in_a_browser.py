"""The page in a real browser: charts are there and have sizes, nothing is fetched, nothing complains, all fits."""

from __future__ import annotations

import json

import pytest
from bench.simulated_reports import planned, simulated, watched
from browser import browser, found

from zephyr_deploy.bench.loads import Open
from zephyr_deploy.bench.page.page import page

pytestmark = pytest.mark.skipif(found() is None, reason="no Chromium here: apt-get install chromium-headless-shell")

LIVE = "document.documentElement.classList.contains('live')"
SIZES = """[...document.querySelectorAll('.plot svg')].filter(svg => svg.checkVisibility()).map(svg => {
  const box = svg.getBoundingClientRect();
  const inked = [...svg.querySelectorAll('path')].some(path => path.getAttribute('d') && path.getTotalLength() > 0);
  return [box.width, box.height, inked];
})"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Of three levels with all there is, packed, and with text that would be a script."""
    report = simulated([1, 4, 16], requests=150, tokens=32)
    levels = [watched(planned(level)) for level in report.levels]
    evil = "a/<script>console.log(1)</script>"
    target = report.target.model_copy(update={"model_id": evil})
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(report.model_copy(update={"levels": tuple(levels), "target": target})))
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1000])
def test_charts_are_there_and_all_fits(shown, file, width, scheme):
    shown.open(file, width=width, scheme=scheme)
    shown.wait_for(LIVE)
    sizes = shown.evaluate(SIZES)
    assert len(sizes) >= 3 + 3 * (3 + 1) + 3 + 5
    assert all(across > 150 and high >= 40 and inked for across, high, inked in sizes)
    assert shown.evaluate("document.documentElement.scrollWidth") == width
    assert shown.evaluate("document.body.scrollHeight") > 3000
    assert shown.complaints() == []
    assert shown.requests() == [file.as_uri()]


def test_light_and_dark_differ(shown, file):
    colours = []
    for scheme in ("light", "dark"):
        shown.open(file, width=1000, scheme=scheme)
        colours.append(shown.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(15, 20, 26)"]


def test_texts_are_large_enough_on_a_telephone(shown, file):
    shown.open(file, width=400)
    sizes = shown.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => e.checkVisibility()"
        " && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 10


def test_a_level_is_chosen_enlarged_and_read(shown, file):
    shown.open(file, width=1000)
    shown.wait_for(LIVE)
    shown.evaluate("document.querySelector('label[for=level-1]').click()")
    assert shown.evaluate("[...document.querySelectorAll('.panel')].map(p => p.checkVisibility())") == [
        True,
        False,
        False,
    ]
    whole = shown.evaluate("document.querySelector('.panel-1 svg').viewBox.baseVal.width")
    shown.evaluate("for (let i = 0; i < 4; i++) document.querySelector('.panel-1 [data-do=in]').click()")
    boxes = shown.evaluate(
        "[...document.querySelectorAll('.panel-1 [data-timed] svg')].map(s => s.viewBox.baseVal.width)"
    )
    assert boxes == pytest.approx([whole / 16] * len(boxes), rel=1e-3)
    assert shown.evaluate("document.querySelector('.panel-1 .token').getTotalLength()") > 1
    shown.evaluate("document.querySelector('.panel-1 [data-do=all]').click()")
    shown.evaluate("document.querySelector('.panel-1 .plot').scrollIntoView({block: 'center'})")
    box = shown.evaluate(
        "(b => [b.x + b.width / 2, b.y + b.height / 2])"
        "(document.querySelector('.panel-1 .plot').getBoundingClientRect())"
    )
    shown.ask("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": box[0], "y": box[1]})
    shown.wait_for("getComputedStyle(document.getElementById('tip')).display === 'block'")
    assert "TTFT" in shown.evaluate("document.getElementById('tip').textContent")
    assert shown.complaints() == []


def test_the_download_is_the_report(shown, file, tmp_path):
    shown.open(file, width=1000)
    shown.wait_for(LIVE)
    shown.evaluate(
        "URL.createObjectURL = blob => { window.kept = blob; return '#'; };document.getElementById('download').click()"
    )
    data = json.loads(shown.evaluate("window.kept.text()"))
    assert [level["requests"] for level in data["levels"]] == [150, 150, 150]


def test_thousands_of_requests_are_drawn_in_no_time(shown, tmp_path):
    file = tmp_path / "many.html"
    file.write_text(page(simulated([Open(rate_per_s=60)], requests=5000, tokens=20)))
    shown.open(file, width=1000)
    shown.wait_for(LIVE)
    took = shown.evaluate(
        "(() => { const t = performance.now(); document.querySelector('[data-do=in]').click();"
        " document.body.offsetHeight; return performance.now() - t; })()"
    )
    assert took < 2000
    assert shown.complaints() == []


def test_printed_every_level_is_on_paper(shown, file):
    shown.open(file, width=1000)
    shown.ask("Emulation.setEmulatedMedia", {"media": "print"})
    assert shown.evaluate("[...document.querySelectorAll('.panel')].every(p => p.checkVisibility())")
    assert not shown.evaluate("document.getElementById('download').checkVisibility()")
    shown.ask("Emulation.setEmulatedMedia", {"media": ""})
