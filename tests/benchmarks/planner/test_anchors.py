"""How other calculators are asked; without any of them."""

import csv
import dataclasses
import json
import subprocess
import sys

import pytest
from benchmarks.loading import BENCHMARKS, program

run = program("planner/anchors/run.py")
asking = program("planner/anchors/asking.py")

POINT = asking.Point(
    row=7, model={}, gpu="h100", cards=2, engine="vllm", form="fp16", kind="itl_ms", prompt=100, output=10, batch=4
)
COLUMNS = (
    *("model", "model_key", "gpu", "tp", "engine", "quant", "kind", "input_len", "output_len"),
    *("concurrency_or_batch", "fit_use", "value"),
)
SCRIPT = """
from asking import NoAnswerError, serve

def ask(point):
    print("calculators chat")
    if point.gpu == "t4":
        raise NoAnswerError("gpu")
    if point.gpu == "l4":
        raise KeyError("oops")
    return point.batch / 3

serve(ask)
"""


def row(**changes):
    plain = ["llama", "llama-2-7b", "h100", "2", "vllm", "fp16", "itl_ms", "100.0", "10", "4", "1", "99"]
    return dict(zip(COLUMNS, plain, strict=True)) | changes


@pytest.fixture
def asked(tmp_path):
    def write(*rows):
        path = tmp_path / "points.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            table.writerows(rows)
        return run.asked(path)

    return write


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """A calculator that this interpreter has, and what it is asked by."""
    monkeypatch.setattr(run, "environment", lambda tool: sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(BENCHMARKS / "planner" / "anchors"))

    def write(script):
        path = tmp_path / "ask.py"
        path.write_text(script, encoding="utf-8")
        return run.Tool("mine", "mine", "1", str(path))

    return write


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("static_latency", 3.0),
        ("ttft_ms", 1000.0),
        ("ttft_batch", 1000.0),
        ("itl_ms", 200.0),
        ("decode_tps", 20.0),
        ("static_out_tps", 40 / 3),
        ("closed_out_tps", 40 / 3),
        ("burst_out_tps", 40 / 3),
        ("req_ms_per_tok", 300.0),
    ],
)
def test_a_static_batch_is_put_in_the_unit_of_the_publication(kind, value):
    # four requests: one second for the prompts, two for ten tokens of each
    asked = dataclasses.replace(POINT, kind=kind)
    assert asking.static_batch(asked, lambda batch: batch / 4, lambda batch: batch / 2) == pytest.approx(value)


@pytest.mark.parametrize("changes", [{"batch": None}, {"kind": "open_tpot"}])
def test_a_static_batch_has_no_answer_to_rates_of_arrival(changes):
    with pytest.raises(asking.NoAnswerError, match="metric"):
        asking.static_batch(dataclasses.replace(POINT, **changes), lambda batch: 1, lambda batch: 1)


@pytest.mark.parametrize(
    ("form", "weights", "kv"),
    [("fp16", "fp16", "16bit"), ("fp8+kvfp8", "fp8", "fp8"), ("int8-w8a8", "int8-w8a8", "16bit")],
)
def test_a_form_is_weights_and_kv_cache(form, weights, kv):
    point = dataclasses.replace(POINT, form=form)
    assert (point.weights, point.kv) == (weights, kv)


@pytest.mark.parametrize(
    ("model", "quant", "form"),
    [
        ("nvidia/Llama-3.1-8B-Instruct-FP8", "fp8", "fp8+kvfp8"),
        ("Qwen/Qwen3-32B", "fp8", "fp8"),
        ("nvidia/Llama-3.1-8B-Instruct-FP8", "bf16", "bf16"),
    ],
)
def test_checkpoints_whose_kv_cache_is_fp8_are_told_so(model, quant, form):
    assert run.form_of({"model": model, "quant": quant}) == form


def test_points_are_told_without_what_was_measured(asked):
    (one, other) = asked(row(fit_use="0"), row(), row(concurrency_or_batch="max", kind="max_out_tps", fit_use="3"))
    model = one.pop("model")
    assert (model["num_hidden_layers"], model["arch"]) == (32, "LlamaForCausalLM")
    assert one == {
        "row": 1,
        "gpu": "h100",
        "cards": 2,
        "engine": "vllm",
        "form": "fp16",
        "kind": "itl_ms",
        "prompt": 100,
        "output": 10,
        "batch": 4,
    }
    assert (other["row"], other["batch"]) == (2, None)


def test_every_model_of_the_publications_has_a_shape():
    path = BENCHMARKS / "planner" / "perf_points.csv"
    if not path.exists():
        pytest.skip("the published measurements are not here")
    assert len(run.asked(path)) > 2000


def test_answers_come_as_numbers_and_refusals_however_much_a_calculator_prints(tool, asked, capfd):
    points = asked(row(), row(gpu="t4"), row(gpu="l4"))
    assert run.answers_of(tool(SCRIPT), points, deadline_s=60) == {0: "1.33333", 1: "gpu", 2: "failed"}
    assert "1 times KeyError: 'oops'" in capfd.readouterr().err


def test_a_calculator_that_hangs_is_ended(tool, asked):
    with pytest.raises(run.RunError, match="answered 0 of 1 points"):
        run.answers_of(tool("import time; time.sleep(60)"), asked(row()), deadline_s=0.5)


def test_a_calculator_that_breaks_off_is_named(tool, asked):
    with pytest.raises(run.RunError, match="mine answered 0 of 2000 points"):  # more than a pipe holds
        run.answers_of(tool("raise SystemExit"), asked(*[row()] * 2000), deadline_s=60)


def test_another_version_than_the_pinned_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "ENVIRONMENTS", tmp_path)
    folder = tmp_path / "pytest"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "installed").touch()
    monkeypatch.setattr(
        run.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout="0.0.1\n", stderr="")
    )
    with pytest.raises(run.RunError, match=r"holds pytest 0\.0\.1, not 99\.0: delete it"):
        run.environment(run.Tool("pytest", "pytest", "99.0", "ask.py"))


def test_what_is_written_is_what_is_read_again(tmp_path, monkeypatch, asked):
    monkeypatch.setattr(run, "ANSWERS", tmp_path / "answers.csv")
    monkeypatch.setattr(run, "ABOUT", tmp_path / "answers.toml")
    points, source = asked(row(), row()), tmp_path / "points.csv"
    assert run.earlier(source) == {}
    run.write({"GenZ": {0: "1.5", 1: "gpu"}}, points, source)
    read = run.earlier(source)
    assert read["GenZ"] == {0: "1.5", 1: "gpu"}
    assert read["llm-flops"] == {0: "", 1: ""}
    asked(row())
    with pytest.raises(run.RunError, match="other points"):
        run.earlier(source)


def test_refusals_are_written_as_json_lines(tmp_path):
    point = json.dumps(dataclasses.asdict(dataclasses.replace(POINT, gpu="t4")))
    script = tmp_path / "ask.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = {"PYTHONPATH": str(BENCHMARKS / "planner" / "anchors"), "PATH": "/usr/bin:/bin"}
    said = subprocess.run(
        [sys.executable, script], input=point, capture_output=True, text=True, env=environment, check=True, timeout=60
    )
    assert json.loads(said.stdout) == {"row": 7, "refusal": "gpu"}
    assert "calculators chat" in said.stderr
