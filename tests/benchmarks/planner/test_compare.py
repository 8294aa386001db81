"""Errors of other calculators beside ours."""

import hashlib

import pytest
from benchmarks.loading import BENCHMARKS, program

compare = program("planner/compare.py")
run = program("planner/anchors/run.py")
asking = program("planner/anchors/asking.py")


def point(value=10.0, **columns):
    plain = {"source": "a paper", "fit_use": "1", "model_key": "llama-2-7b", "kind": "itl_ms", "tp": "1", "gpu": "h100"}
    return plain | {"value": str(value)} | columns


def line_of(lines, subset, tool):
    (found,) = [line for line in lines if (line.subset, line.tool) == (subset, tool)]
    return found


@pytest.fixture
def answers(tmp_path):
    points = tmp_path / "points.csv"
    points.write_text("value\n1\n", encoding="utf-8")
    path = tmp_path / "answers.csv"
    path.write_text("row,one,two\n0,1.5,memory\n3,,2e-05\n4,gpu,7\n", encoding="utf-8")
    sha = hashlib.sha256(points.read_bytes()).hexdigest()
    about = f'points_sha256 = "{sha}"\n[tools]\none = "one==1"\ntwo = "two==2"\n'
    path.with_suffix(".toml").write_text(about, encoding="utf-8")
    return path, points


@pytest.mark.parametrize(("share", "value"), [(0, 1), (0.5, 3), (0.9, 4.6), (1, 5)])
def test_a_quantile_lies_between_its_neighbours(share, value):
    assert compare.quantile([1, 2, 3, 4, 5], share) == pytest.approx(value)


def test_errors_are_sizes_and_the_bias_keeps_their_sign():
    errors = compare.Errors.of([-0.5, -0.2, 0.1])
    assert (errors.n, errors.median, errors.bias) == (3, 0.2, -0.2)
    assert errors.p90 == pytest.approx(0.44)
    assert compare.Errors.of([]) is None


def test_answers_are_read_without_refusals_and_what_was_not_asked(answers):
    path, points = answers
    assert compare.read_answers(path, points=points) == {"one": {0: 1.5}, "two": {3: 2e-05, 4: 7.0}}


def test_answers_to_other_points_are_refused(answers):
    path, points = answers
    points.write_text("value\n2\n", encoding="utf-8")
    with pytest.raises(compare.StaleAnswersError, match=r"run anchors/run\.py"):
        compare.read_answers(path, points=points)


def test_both_are_judged_on_exactly_the_points_that_both_answer():
    points = {0: point(10), 1: point(10), 2: point(10), 3: point(10)}
    (line,) = compare.against("all", [0, 1, 2, 3], points, {"tool": {0: 5, 1: 20, 2: 30}}, {1: 11, 2: 9, 3: 1000})
    assert (line.points, line.theirs.n, line.ours.n) == (4, 2, 2)
    assert line.theirs.median == pytest.approx(1.5)
    assert line.ours.median == pytest.approx(0.1)


def test_subsets_divide_the_core_by_whose_sample_a_point_is_of():
    points = {
        0: point(source="aiconfigurator silicon sample 8B"),
        1: point(model_key="mistral-7b"),
        2: point(kind="ttft_ms", tp="8"),
        3: point(source="aiconfigurator silicon sample 70B", fit_use="2"),
        4: point(kind="max_out_tps", fit_use="3"),
        5: point(fit_use="0"),
    }
    counts = {line.subset: line.points for line in compare.table(points, {"tool": {}}, dict.fromkeys(points, 1.0))}
    assert counts == {
        "core": 3,
        "core without aiconfigurator's own sample": 2,
        "aiconfigurator's own sample, 8B bf16 on H100": 1,
        "Mistral-7B, core": 1,
        "TTFT, core": 1,
        "TP 8, core": 1,
        "quantized": 1,
        "TPOT of 8B, 32B and 70B, most in FP8": 1,
        "saturation": 1,
        compare.ALL_ANSWER: 0,
    }


def test_a_calculator_with_mistral_renamed_need_not_answer_what_all_answer():
    points = {0: point(), 1: point()}
    answers = {compare.AIC: {0: 10}, compare.AIC_RENAMED: {}, "other": {0: 10, 1: 10}}
    lines = compare.table(points, answers, {0: 10, 1: 10})
    assert line_of(lines, compare.ALL_ANSWER, "other").theirs.n == 1


def test_a_breakdown_has_a_line_for_each_value_and_leaves_unused_points_out():
    points = {0: point(gpu="l4"), 1: point(gpu="h100"), 2: point(gpu="t4", fit_use="0")}
    lines = compare.breakdown("gpu", points, {"tool": {0: 20, 2: 20}}, {0: 10, 1: 10, 2: 10})
    assert [(line.subset, line.points) for line in lines] == [("h100", 1), ("l4", 1)]
    assert lines[0].theirs is None
    assert lines[1].theirs.median == 1


def test_the_table_is_markdown():
    errors = compare.Errors(n=12, median=0.234, p90=0.551, bias=-0.2)
    ours = compare.Errors(n=12, median=0.08, p90=0.2, bias=0)
    lines = [compare.Line("core", "one", 20, errors, ours), compare.Line("core", "two", 20, None, None)]
    assert compare.markdown(lines, first="set") == (
        "| set | one | two |\n|---|---|---|\n| core (20) | 12: 23.4 / 55, ours 8.0 / 20 | none |\n"
    )


def test_the_report_says_who_was_asked_when_and_takes_the_comparison_apart(answers):
    path, points = answers
    columns = list(point() | dict.fromkeys(compare.COLUMNS, "that"))
    rows = [
        ",".join(point(gpu=gpu, engine="vllm", quant="fp16").get(name, "") for name in columns) for gpu in ("l4", "t4")
    ]
    points.write_text("\n".join([",".join(columns), *rows]) + "\n", encoding="utf-8")
    sha = hashlib.sha256(points.read_bytes()).hexdigest()
    about = f'as_of = 2026-11-26\npoints_sha256 = "{sha}"\n[tools]\none = "one==1"\nanew = "one==1"\n'
    path.with_suffix(".toml").write_text(about, encoding="utf-8")
    path.write_text("row,one,anew\n0,15,\n1,gpu,\n", encoding="utf-8")
    text = compare.report({0: 11, 1: 11}, points=points, answers=path)
    assert text.startswith("one 1, asked on 2026-11-26. ")
    assert "| core (2) | 1: 50.0 / 50, ours 10.0 / 10 | none |\n" in text
    assert (
        "### By GPU\n\n| GPU | one | anew |\n|---|---|---|\n| l4 (1) | 1: 50.0 / 50, ours 10.0 / 10 | none |\n" in text
    )


def test_ours_are_read_from_json_lines():
    assert compare.read_ours(['{"row": 3, "value": 1.5}\n', "\n"]) == {3: 1.5}


def test_the_committed_answers_are_of_the_committed_points():
    if not compare.POINTS.exists():
        pytest.skip("the published measurements are not here")
    points, answers = compare.read_points(), compare.read_answers()
    judged = {row for row, point in points.items() if point["fit_use"] != run.UNUSED}
    assert all(said.keys() <= judged for said in answers.values())


def test_every_committed_cell_is_a_number_or_a_known_refusal():
    lines = (BENCHMARKS / "planner/anchors/answers.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].split(",") == ["row", *(tool.name for tool in run.TOOLS)]
    cells = {cell for line in lines[1:] for cell in line.split(",")[1:]}
    assert {cell for cell in cells if not cell[:1].isdigit()} <= asking.REFUSALS.keys()
    assert "failed" not in cells


def test_every_calculator_is_pinned_to_the_version_that_answered():
    about = compare.tomllib.loads((BENCHMARKS / "planner/anchors/answers.toml").read_text(encoding="utf-8"))
    for tool in run.TOOLS:
        pin = f"{tool.package}=={tool.version}"
        assert about["tools"][tool.name] == pin
        pins = (BENCHMARKS / f"planner/anchors/requirements/{tool.package}.txt").read_text(encoding="utf-8")
        assert pin in pins.replace("genz_llm", "genz-llm").splitlines()
