"""``zephyr-deploy plan`` as it is typed."""

from __future__ import annotations

import functools
import json
import shlex
import sys
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from zephyr_deploy.cli import main as program
from zephyr_deploy.cli.main import main
from zephyr_deploy.resources import PACKAGE


def run(capsys, *words):
    code = main(["plan", "--offline", *words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def data(capsys, *words):
    code, out, _ = run(capsys, *words, "--output", "json")
    document = json.loads(out)
    Draft202012Validator(json.loads((PACKAGE / "data" / "output.schema.json").read_text())).validate(document)
    assert document["kind"] == "plan"
    return code, document["data"]


def rows(out, title):
    """The cells' words of each row of one table."""
    lines = out.split(f"\n{title}\n")[1].split("\n\n")[0].splitlines()
    return [line.split() for line in lines[1:]]


def test_a_card_that_is_named(capsys):
    code, out, err = run(capsys, "--gpu", "l4", "--provider", "aws")
    assert code == 0
    assert out.startswith("HuggingFaceH4/zephyr-7b-beta (16 bit) on 1 x NVIDIA L4, TGI 3.3.7: fits.\nPrice: $0.80")
    assert "weights 14.5" in out
    assert "--max-batch-prefill-tokens" in out
    loads = rows(out, "REQUESTS OF 512 + 128 TOKENS")
    assert [row[0] for row in loads[:6]] == ["1", "2", "4", "8", "16", "32"]
    assert loads[0][2] == "ms", "a time has its unit"
    assert any(row[:3] == ["1", "x", "l40s"] for row in rows(out, "INSTEAD"))
    assert "Requests of 512 + 128 tokens, 1 at a time." in err


def test_the_cheapest_that_is_fast_enough(capsys):
    code, out, err = run(capsys, "--ttft", "300ms", "--itl", "40ms", "--concurrency", "32")
    assert code == 0
    assert "fits, and is fast enough." in out
    assert "at a time are fast enough." in out
    assert all(row[:2] in (["1", "x"], ["2", "x"], ["4", "x"], ["8", "x"]) for row in rows(out, "NOT CHOSEN"))
    assert "TTFT p50 within 300 ms, ITL p50 within 40 ms." in err
    assert "--live asks the clouds" in err


def test_a_rate_of_requests(capsys):
    _, out, _ = run(capsys, "--gpu", "l40s", "--rate", "2/s")
    said = out.splitlines()[2]
    assert said.startswith("2 requests a second are ")
    assert said.endswith(" a million tokens.")


def test_nothing_is_fast_enough(capsys):
    code, out, _ = run(capsys, "--itl", "1ms")
    assert code == 5
    first = out.splitlines()[0]
    assert first.startswith("HuggingFaceH4/zephyr-7b-beta: nothing is fast enough. Nearest: ")
    assert first.endswith("ms > 1.0 ms.")
    assert rows(out, "NEAREST")[0][-2:] == ["1.0", "ms"]


def test_nothing_is_cheap_enough(capsys):
    code, out, _ = run(capsys, "--max-price", "0.1")
    assert code == 5
    assert "nothing that would do costs so little." in out.splitlines()[0]
    assert "is over $0.10." in out.splitlines()[0]


def test_nothing_can_be_shared_by_so_many(capsys):
    code, out, _ = run(capsys, "--gpus", "6")
    assert code == 5
    assert out.startswith("HuggingFaceH4/zephyr-7b-beta: no engine takes it. Nearest: 6 x ")
    assert "cannot be shared evenly by 6 GPUs" in out.splitlines()[0]


def test_a_named_card_that_is_too_slow(capsys):
    code, out, _ = run(capsys, "--gpu", "l4", "--itl", "30ms")
    assert code == 5
    assert "is too slow: ITL p50 " in out.splitlines()[0]


def test_what_does_not_fit_is_said_with_what_would(capsys):
    code, out, _ = run(capsys, "--gpu", "t4", "--engine", "vllm")
    assert code == 5
    assert "does not fit" in out.splitlines()[0]
    assert "are missing" in out
    assert any(row[:2] == ["engine.num_shard", "2"] for row in rows(out, "WHAT WOULD FIT"))
    assert any("int4" in row for row in rows(out, "INSTEAD")[0:3])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--gpu", "a1000"), "no GPU is known as a1000"),
        (("--gpu", "t4"), "TGI 3.3.7 is built for 8.0 and up"),
        (("--gpu", "l4", "--gpus", "3"), "cannot be shared evenly by 3 GPUs"),
        (("--gpu", "l4", "--gpus", "6"), "cannot be shared evenly by 6 GPUs"),
        (("--gpu", "l4", "--input-tokens", "40000"), "beyond the 32768 tokens"),
        (("--gpu", "l4", "--engine", "llamacpp"), "plans are for GPUs"),
        (("--gpu", "l4", "--quantize", "awq"), "engine.quantize"),
        (("--provider", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_planned(capsys, words, said):
    code, out, err = run(capsys, *words)
    assert (code, out) == (3, "")
    assert said in err
    assert "Next: " in err


def test_an_engine_that_runs_on_a_card_that_tgi_does_not_run_on(capsys):
    assert "zephyr-deploy plan --gpu t4 --engine vllm" in run(capsys, "--gpu", "t4")[2]
    assert "--engine" not in run(capsys, "--gpu", "v100")[2].splitlines()[-1]


@pytest.mark.parametrize("words", [("--itl", "40"), ("--rate", "x"), ("--what-if", "engine.quantize")])
def test_what_cannot_be_read(capsys, words):
    assert run(capsys, *words)[0] == 2


def test_a_model_that_nobody_knows_here(capsys):
    code, _, err = run(capsys, "--model", "nobody/knows-it", "--gpu", "l4")
    assert code == 6
    assert "nobody/knows-it" in err


def test_what_if(capsys):
    _, out, _ = run(capsys, "--gpu", "l4", "--what-if", "engine.quantize=fp8", "--what-if", "concurrency=8")
    table = {" ".join(row[:-2]): row[-2:] for row in rows(out, "IF engine.quantize=fp8 concurrency=8")}
    assert table["at a time"] == ["1", "8"]
    assert table["USD an hour"] == ["0.51", "0.51"]
    before, after = map(int, table["KV cache, tokens"])
    assert after > 1.5 * before
    _, found = data(capsys, "--gpu", "l4", "--what-if", "machine.gpu=l40s")
    assert found["changes"] == ["machine.gpu=l40s"]
    assert found["what_if"]["outlook"]["advice"]["setup"]["gpu"]["key"] == "l40s"


def test_reasons(capsys):
    _, out, _ = run(capsys, "--gpu", "l4", "--explain", "--max-total-tokens", "2048")
    said = rows(out, "SETTINGS")
    assert ["--max-total-tokens", "2048", "You", "said", "so."] in said
    assert next(row for row in said if row[0] == "--dtype")[2:]
    causes = rows(out, "WHERE THE TIME GOES")
    assert any(row[0] == "weights," for row in causes)
    assert "WHERE THE TIME GOES" not in run(capsys, "--gpu", "l4")[1]


def test_a_drawing(capsys):
    _, out, _ = run(capsys, "--gpu", "l4", "--plot", "--itl", "80ms")
    assert "THROUGHPUT AGAINST LATENCY" in out
    assert "the dotted line is the limit" in out.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("--gpu", "l4", "--provider", "aws"), "zephyr-deploy up --provider aws --gpu l4"),
        (
            ("--gpu", "h100", "--gpus", "2", "--engine", "vllm", "--quantize", "fp8", "--max-total-tokens", "2048"),
            "zephyr-deploy up --provider e2e --gpu h100 --gpus 2 --engine vllm --quantize fp8 --max-total-tokens 2048",
        ),
        (
            ("--gpu", "l4", "--model", "TheBloke/zephyr-7B-beta-AWQ", "--max-price", "3"),
            "zephyr-deploy up --provider e2e --gpu l4 --model TheBloke/zephyr-7B-beta-AWQ --max-price 3",
        ),
        (("--gpu", "rtx4090"), None),
        (("--gpu", "l4", "--itl", "1ms"), None),
    ],
)
def test_the_command_that_makes_it_real(capsys, words, command):
    _, _, err = run(capsys, *words)
    said = [line.removeprefix("Next: ") for line in err.splitlines() if line.startswith("Next: ")]
    assert said == ([command] if command else [])
    if command:
        assert parsed(command) == "up"


def parsed(command):
    """The command that a line of shell calls, if its flags are read there."""
    ran = []
    known = program.load
    with pytest.MonkeyPatch.context() as patch:
        verb = known("up")
        record = functools.wraps(verb.run)(lambda *_args, **_values: ran.append("up"))
        patch.setattr(program, "load", lambda name: replace(verb, run=record) if name == "up" else known(name))
        assert main(shlex.split(command)[1:]) == 0
    return ran[0]


def test_json(capsys):
    code, found = data(capsys, "--itl", "40ms", "--rate", "5/s", "--percentile", "p90")
    assert (code, found["chosen"], found["outlook"]["meets"]) == (0, True, True)
    assert found["slo"] == {"ttft_ms": None, "itl_ms": 40, "percentile": "p90"}
    assert all(other["why"] for other in found["others"])
    assert found["considered"] > len(found["others"]) > 100
    assert found["model"]["id"] == "HuggingFaceH4/zephyr-7b-beta"


def test_quiet(capsys):
    _, out, err = run(capsys, "--gpu", "l4", "--provider", "aws", "--output", "quiet")
    assert (out, err) == ("l4 1 tgi 16bit 0.8048\n", "")


def test_the_users_file_counts(capsys, tmp_path):
    (tmp_path / "zephyr.toml").write_text('provider = "aws"\n[machine]\ngpu = "a10g"\n[engine]\nname = "vllm"\n')
    _, out, _ = run(capsys, "--output", "quiet")
    assert out.split()[:3] == ["a10g", "1", "vllm"]


def test_a_price_of_the_users_own(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "zephyr-deploy").mkdir()
    (tmp_path / "zephyr-deploy/gpus.toml").write_text('[[price]]\ngpu = "rtx4090"\nusd = 0.1\n')
    _, out, _ = run(capsys, "--itl", "40ms")
    assert "on 1 x GeForce RTX 4090" in out
    assert "Price: $0.10 an hour (yours; your own word)." in out


def test_a_stream_without_letters_beyond_ascii(tmp_path, monkeypatch):
    with (tmp_path / "out").open("w", encoding="ascii") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["plan", "--gpu", "l4", "--offline"]) == 0
    text = (tmp_path / "out").read_text()
    assert "WWWWWWWW" in text
    assert "?" not in text
