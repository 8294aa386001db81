"""``zephyr-deploy bench`` from the command line, against a scripted TGI server."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
import time
from contextlib import nullcontext

import pytest
from bench.prompts.engines import MODEL, Engine, running
from bench.prompts.odd import Odd
from emulators.tgi import FakeTgi, Script

from zephyr_deploy.bench.run import bench as measure
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.cli.benched import not_as_counted
from zephyr_deploy.cli.main import main
from zephyr_deploy.endpoint.types import Endpoint


@pytest.fixture
def tgi():
    with FakeTgi(Script(tokens=[" a", " b", " c"], finish="length", max_input_tokens=9999)) as server:
        yield server


def call(*argv):
    return main(["bench", "--requests", "4", "--warmup", "1", "--concurrency", "1,2", "--allow-bottleneck", *argv])


@pytest.mark.parametrize("client", ["openai", "completions", "native", "tgi"])
def test_json_is_the_report(tgi, capsys, client):
    from zephyr_deploy.bench.report import BenchReport

    assert call("--url", tgi.url, "--client", client, "--output", "json", "--price-per-hour", "1.5") == 0
    answer = json.loads(capsys.readouterr().out)
    report = BenchReport.model_validate_json(json.dumps(answer["data"]))
    assert answer["kind"] == "bench"
    assert report.spec.client == client
    assert [(level.concurrency, level.succeeded) for level in report.levels] == [(1, 4), (2, 4)]
    assert report.levels[0].output_tokens.p50 == 3
    assert report.levels[0].usd_per_million_output_tokens > 0


def test_table_has_a_line_a_level_and_progress_stays_off_stdout(tgi, capsys):
    assert call("--url", tgi.url) == 0
    out, err = capsys.readouterr()
    assert "LOAD" in out
    assert out.count("4 of 4") == 2
    assert "p50 / p90 / p99" in err
    assert "p50 / p90 / p99" not in out


def test_quiet_is_tokens_per_second(tgi, capsys):
    assert call("--url", tgi.url, "--output", "quiet") == 0
    assert all(float(line) > 0 for line in capsys.readouterr().out.splitlines())


def test_failed_gate_is_8_and_the_report_is_there_all_the_same(tgi, capsys, tmp_path):
    saved = tmp_path / "report.json"
    gates = ["--fail-if", "ttft_p99>60s", "--fail-if", "output_tokens_per_s>0"]
    assert call("--url", tgi.url, "--save", str(saved), "--output", "json", *gates) == 8
    out, err = capsys.readouterr()
    whole = json.loads(saved.read_text())
    assert len(whole["levels"][0]["log"][0]["gaps_us"]) == 2
    for level in whole["levels"]:
        for request in level["log"]:
            request["gaps_us"] = []
    assert json.loads(out)["data"] == whole
    assert "output_tokens_per_s with 1 at once is" in err


def test_by_the_clock(tgi, capsys):
    assert (
        main(["bench", "--url", tgi.url, "--rate", "50", "--requests", "5", "--warmup", "1", "--allow-bottleneck"]) == 0
    )
    out, err = capsys.readouterr()
    assert "5 of 5" in out
    assert "With 50 a second: sent " in err


def answers(tgi):
    """The requests for answers: not those that count tokens, or ask what runs there."""
    return [request for request in tgi.requests if request.path == "/v1/chat/completions"]


def test_answers_that_end_although_they_should_not_are_told(tgi, capsys):
    tgi.script.finish = "eos_token"
    assert call("--url", tgi.url, "--ignore-eos") == 0
    assert "With 1 at once 4 of 4 answers ended early: TGI cannot" in " ".join(capsys.readouterr().err.split())
    assert all(request.body["ignore_eos"] for request in answers(tgi))
    tgi.script.finish = "length"
    assert call("--url", tgi.url, "--ignore-eos") == 0
    assert "ended early" not in capsys.readouterr().err


def test_a_trace_is_replayed(tgi, tmp_path):
    trace = tmp_path / "azure.csv"
    rows = "2023-11-16 18:15:46.0,90,3\n2023-11-16 18:15:47.0,40,3\n"
    trace.write_text(f"TIMESTAMP,ContextTokens,GeneratedTokens\n{rows}")
    argv = ["--trace", str(trace), "--trace-speed", "10", "--warmup", "0", "--allow-bottleneck"]
    assert main(["bench", "--url", tgi.url, *argv]) == 0
    asked = [request.body["messages"][0]["content"].split() for request in answers(tgi)]
    assert list(map(len, asked)) == [90, 40]


def test_a_trace_that_is_not_there_is_2_before_anything_is_sent(tgi, capsys):
    assert main(["bench", "--url", tgi.url, "--trace", "none.csv"]) == 2
    assert "none.csv" in capsys.readouterr().err
    assert not answers(tgi)


def test_a_sweep_says_what_it_found(tgi, capsys):
    argv = ["--sweep", "concurrency", "--sweep-until", "2", "--requests", "4", "--allow-bottleneck"]
    assert main(["bench", "--url", tgi.url, *argv, "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["data"]["saturation"]
    assert found["load"]["kind"] == "closed"
    assert found["why"]


def test_ctrl_c_shows_and_saves_what_there_is_and_is_130(tgi, capsys, tmp_path):
    def interrupt():
        while len(answers(tgi)) < 5:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    saved = tmp_path / "report.json"
    argv = ["--concurrency", "1", "--duration", "600s", "--save", str(saved), "--output", "json"]
    assert main(["bench", "--url", tgi.url, *argv]) == 130
    out, err = capsys.readouterr()
    report = json.loads(out)["data"]
    whole = json.loads(saved.read_text())
    assert [level["requests"] for level in whole["levels"]] == [level["requests"] for level in report["levels"]]
    assert whole["partial"] == report["partial"]
    assert report["partial"] == "Ctrl-C ended it at 1 at once."
    assert report["levels"][0]["succeeded"] > 0
    assert "Ctrl-C ended it" in err


def test_a_disk_that_is_full_loses_no_report(tgi, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert call("--url", tgi.url, "--save", "/dev/full") == 5
    out, err = capsys.readouterr()
    (saved,) = tmp_path.iterdir()
    assert "LOAD" in out
    assert str(saved) in err.replace("\n", "")
    assert len(json.loads(saved.read_text())["levels"]) == 2


def test_a_client_that_was_the_bottleneck_is_8_after_the_report(tgi, capsys, monkeypatch):
    from zephyr_deploy.bench import selfcheck

    monkeypatch.setattr(selfcheck, "BUSY", 0.0)
    monkeypatch.setattr(selfcheck, "LONG_S", 0.0)
    argv = ["bench", "--url", tgi.url, "--requests", "4", "--concurrency", "1"]
    assert main(argv) == 8
    out, err = capsys.readouterr()
    assert "4 of 4" in out
    assert "The client was the bottleneck. With 1 at once" in err
    assert main([*argv, "--allow-bottleneck"]) == 0


def test_page_and_table_of_requests_are_written_beside_the_report(tgi, tmp_path, capsys):
    from zephyr_deploy.bench.saved import read_report

    files = [tmp_path / name for name in ("report.json", "report.html", "requests.csv")]
    options = [
        word for option, file in zip(("--save", "--report", "--csv"), files, strict=True) for word in (option, file)
    ]
    assert call("--url", tgi.url, *map(str, options)) == 0
    saved, page, table = files
    assert read_report(page) == read_report(saved)
    assert len(table.read_text().splitlines()) == 1 + 8
    assert f"The page is in {page}." in capsys.readouterr().err


def test_passed_gate_is_0(tgi):
    assert call("--url", tgi.url, "--fail-if", "errors>0", "--fail-if", "ttft_p50>60s") == 0


def test_goodput_is_told_and_can_be_a_gate(tgi, capsys):
    assert call("--url", tgi.url, "--slo", "ttft=60s,itl=60s", "--fail-if", "goodput<100%") == 0
    assert "100.0% met ttft=60000ms,itl=60000ms" in capsys.readouterr().err.replace("\n", " ")
    assert call("--url", tgi.url, "--slo", "ttft=0.001ms", "--fail-if", "goodput<0.99") == 8
    assert "missed: ttft 4" in capsys.readouterr().err.replace("\n", " ")


def test_failures_are_told_and_nothing_working_is_7(tgi, capsys):
    tgi.script.fault = "overloaded"
    assert main(["bench", "--url", tgi.url, "--requests", "3", "--warmup", "0", "--concurrency", "1"]) == 7
    out, err = capsys.readouterr()
    assert "0 of 3" in out
    assert "3 failed (overloaded): Model is overloaded" in err.replace("\n", " ")


@pytest.mark.parametrize("client", ["openai", "native", "tgi"])
def test_key_comes_from_the_environment_and_is_never_shown(tgi, capsys, monkeypatch, client):
    tgi.script.api_key = "hush-hush"
    assert call("--url", tgi.url, "--client", client) == 4
    monkeypatch.setenv("BENCH_KEY", "hush-hush")
    assert call("--url", tgi.url, "--client", client, "--api-key-env", "BENCH_KEY", "--output", "json") == 0
    assert "hush-hush" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--concurrency", "1,x"], "1,4,16"),
        (["--rate", "5"], "two kinds of load"),
        (["--concurrency", "0"], "concurrency"),
        (["--duration", "3s"], "not both"),
        (["--duration", "soon"], "length of time"),
        (["--fail-if", "speed>1"], "ttft_p99>400ms"),
        (["--fail-if", "goodput<1"], "Add e.g. --slo"),
        (["--slo", "fast"], "ttft=300ms,itl=40ms"),
        (["--save", "no/such/folder/x.json"], "mkdir -p no/such/folder"),
        (["--save", "."], ". is a folder"),
        (["--api-key-env", "NO_SUCH_KEY"], "export NO_SUCH_KEY"),
        (["zephyr"], "not both"),
    ],
)
def test_what_cannot_be_carried_out_is_2_before_anything_is_sent(tgi, capsys, argv, said):
    assert call("--url", tgi.url, *argv) == 2
    assert said in capsys.readouterr().err
    assert not tgi.requests


def test_from_the_node_is_for_deployments_and_2_before_an_address_is_asked(tgi, capsys):
    assert call("--url", tgi.url, "--on-node") == 2
    assert "--url names none" in capsys.readouterr().err
    assert not tgi.requests


def test_from_the_node_is_2_where_there_is_none(tgi, capsys, monkeypatch):
    """As for a deployment on this machine."""
    endpoint = Endpoint(name="zephyr", url=tgi.url, engine="tgi", model_id=MODEL)
    monkeypatch.setattr("zephyr_deploy.deploy.reach.reached", lambda _name: nullcontext(endpoint))
    monkeypatch.setattr("zephyr_deploy.deploy.known.configured_clouds", list)
    assert call("zephyr", "--on-node") == 2
    said = capsys.readouterr().err
    assert "zephyr is not on a machine of its own" in said
    assert "Leave --on-node out" in said
    assert {request.method for request in tgi.requests} <= {"GET"}


def test_an_address_with_a_password_is_2_and_is_not_repeated(capsys):
    assert call("--url", "http://me:hush-hush@127.0.0.1:80/v1") == 2
    said = "".join(capsys.readouterr())
    assert "--api-key-env" in said
    assert "hush" not in said


def test_bad_address_is_2(capsys):
    assert call("--url", "localhost:80") == 2
    assert "http://" in capsys.readouterr().err


def test_nothing_deployed_is_7_with_the_next_command(capsys):
    assert call() == 7
    assert "zephyr-deploy up" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "said"), [(20, []), (2, ["With 1 at once prompts had up to 6 tokens, not 2, to the server."])]
)
def test_prompts_that_are_not_as_long_as_asked_for_are_told(monkeypatch, tmp_path, asked, said):
    """Six are the template and one word."""
    monkeypatch.setenv("ZEPHYR_CACHE_DIR", str(tmp_path))
    spec = BenchSpec(concurrency=(1,), requests=2, prompt_tokens=asked)
    with running(Engine("vllm", Odd(first_differs=0.0))) as url:
        report = measure(Endpoint(name="x", url=url, engine="vllm", model_id=MODEL), spec)
    assert list(not_as_counted(report)) == said
