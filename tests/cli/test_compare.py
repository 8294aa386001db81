"""``compare`` and ``history`` from the command line."""

from __future__ import annotations

import json

import pytest
from bench.simulated import closed, opened, report

from zephyr_deploy.cli.history import _rows
from zephyr_deploy.cli.main import main
from zephyr_deploy.deploy.kept import keep_report


@pytest.fixture(scope="module")
def reports():
    return (
        report(closed(1, 8, 120), release="aaaa"),
        report(closed(2, 8, 120, itl_ms=24), release="bbbb", hour=1),
        report(closed(3, 8, 120, itl_ms=24), release="bbbb", hour=2, seed=5),
    )


@pytest.fixture
def kept(reports):
    for one in reports:
        keep_report(one)


@pytest.mark.usefixtures("kept")
def test_the_last_two(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["compare", "demo@-3", "demo@-2"]) == 0
    out, err = capsys.readouterr()
    said = err.replace("\n", " ")
    (line,) = [line for line in out.splitlines() if "itl_p50" in line]
    assert line.rstrip().endswith("slower")
    assert "+20" in line or "+19" in line
    assert "With 8 at once B is worse in itl_p50 (+" in said
    assert "The release was aaaa and is bbbb." in said
    assert "errors" not in out


@pytest.mark.usefixtures("kept")
def test_json_has_every_figure(capsys):
    assert main(["compare", "demo@aaaa", "demo", "-o", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["kind"] == "compare"
    figures = {one["figure"]: one for one in answer["data"]["levels"][0]["differences"]}
    assert figures["itl_p95"]["outcome"] == "worse"
    assert figures["errors"]["outcome"] == "no_difference"
    assert answer["data"]["doubts"] == ["They did not ask the same: seed was 0 and is 5."]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("gates", "code"),
    [
        (["itl_p50>+5%"], 8),
        (["itl_p50>+40%", "errors>0"], 0),
        (["itl_p50>+40%", "itl_p50>10ms"], 8),
        (["nonsense>+4%"], 2),
        (["nonsense>4"], 2),
    ],
)
def test_gates(gates, code, capsys):
    assert main(["compare", "demo@-3", "demo@-2", *(word for gate in gates for word in ("--fail-if", gate))]) == code
    assert (code == 8) == ("Gate failed" in capsys.readouterr().err)


@pytest.mark.usefixtures("kept")
def test_gates_on_changes_and_on_figures_are_told_together(capsys):
    assert main(["compare", "demo@-3", "demo@-2", "--fail-if", "itl_p50>+5%", "--fail-if", "itl_p50>10ms"]) == 8
    said = capsys.readouterr().err.replace("\n", " ")
    assert "(itl_p50>+5%)" in said
    assert "(itl_p50>10ms)" in said


def test_nothing_in_common_is_2(tmp_path, capsys, reports):
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file, one in zip(files, (reports[0], report(opened(1, 8, 40))), strict=True):
        file.write_text(one.model_dump_json())
    assert main(["compare", *map(str, files)]) == 2
    assert "no load in common: 8 at once; and 8 a second" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.usefixtures("kept")
def test_history(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["history", "demo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["@-3", "@-2", "@-1"]
    assert [line.split()[3] for line in lines[1:]] == ["aaaa", "bbbb", "bbbb"]
    # the last one sent other prompts
    assert [line.split()[-1] for line in lines[1:]] == ["a", "a", "b"]


def test_letters_are_of_what_compare_holds_to_be_the_same_and_never_come_twice():
    levels = closed(1, 1, 8)
    longer = [report(levels, requests=many) for many in (8, 80)]
    others = [report(levels, seed=seed) for seed in range(1, 28)]
    letters = [row[-1] for row in _rows([*longer, *others])]
    assert letters[:3] == ["a", "a", "b"]
    assert len(set(letters)) == 28


@pytest.mark.usefixtures("kept")
def test_history_for_programs(capsys):
    assert main(["history", "demo", "-o", "quiet"]) == 0
    assert capsys.readouterr().out.split() == ["demo@-3", "demo@-2", "demo@-1"]
    assert main(["history", "demo", "-o", "json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert [(one["place"], one["report"]["target"]["release"]) for one in data] == [
        (-3, "aaaa"),
        (-2, "bbbb"),
        (-1, "bbbb"),
    ]


def test_no_history(capsys):
    assert main(["history", "demo"]) == 0
    assert "No benchmark of demo is kept here" in capsys.readouterr().err
