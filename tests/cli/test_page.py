"""A plan as a page."""

from __future__ import annotations

import re

import html_pages
import pytest

from zephyr_deploy.cli.main import main
from zephyr_deploy.cli.page import page
from zephyr_deploy.deploy.planning import estimate
from zephyr_deploy.plan.workload import Slo, Workload
from zephyr_deploy.spec.deployment import Deployment, Engine, Machine

VOID = {"meta", "br", "img", "link", "input"}


def read(text):
    return html_pages.read(text, VOID)


def planned(gpu="l4", **more):
    return estimate(Deployment(machine=Machine(gpu=gpu), **more), Workload(concurrency=8), Slo(itl_ms=80), offline=True)


def test_the_answer_and_its_drawing():
    text = page(planned())
    reader = read(text)
    assert "HuggingFaceH4/zephyr-7b-beta (16 bit) on 1 x NVIDIA L4" in text
    assert reader.seen.count("svg") == 1
    assert reader.seen.count("circle") == 7
    assert ">SLO<" in text
    assert "prefers-color-scheme: dark" in text


def test_nothing_is_fetched_and_nothing_runs():
    text = page(planned())
    reader = read(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(reader.seen)
    assert not [name for name, _ in reader.attributes if name in {"src", "href"} or name.startswith("on")]
    assert not re.search(r"url\(|@import|https?://", text)
    assert "default-src 'none'" in text


def test_text_is_escaped():
    found = planned()
    evil = found.model.model_copy(update={"id": "a/<script>alert(1)</script>&\"'"})
    text = page(found.model_copy(update={"notes": ("<b onload=x>",), "model": evil, "changes": ("<i>",)}))
    read(text)
    assert "<script>alert" not in text
    assert "<b onload" not in text
    assert "&lt;b onload=x&gt;" in text


def test_what_it_would_be_is_a_second_curve():
    found = planned().model_copy(update={"what_if": planned("l40s"), "changes": ("machine.gpu=l40s",)})
    reader = read(page(found))
    assert reader.seen.count("polyline") == 2


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(lambda: planned("t4", engine=Engine(name="vllm")), id="does not fit"),
        pytest.param(lambda: estimate(Deployment(), Workload(), Slo(itl_ms=1), offline=True), id="nothing is so fast"),
    ],
)
def test_where_there_is_no_speed_there_is_no_drawing(result):
    text = page(result())
    assert "svg" not in read(text).seen
    assert "nothing is fast enough" in text or "does not fit" in text


def test_it_is_written_where_the_user_says(tmp_path, capsys):
    file = tmp_path / "plan.html"
    assert main(["plan", "--gpu", "l4", "--offline", "--html", str(file)]) == 0
    assert f"The page is in {file}." in capsys.readouterr().err
    assert "WHERE THE TIME GOES" in file.read_text()


def test_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(["plan", "--gpu", "l4", "--offline", "--html", str(tmp_path / "no" / "plan.html")]) == 3
    assert "plan.html" in capsys.readouterr().err
