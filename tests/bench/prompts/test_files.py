"""Prompts of files in each form, streamed, mixed by the seed, repeated; bad lines are named."""

from __future__ import annotations

import io
import json
import os
import threading
from itertools import islice

import pytest
from bench.prompts.engines import MODEL, Engine, running
from pydantic import ValidationError

from zephyr_deploy.bench.asks import Turn
from zephyr_deploy.bench.prompts import files
from zephyr_deploy.bench.prompts.files import FilePrompts
from zephyr_deploy.bench.prompts.traces import Arrival
from zephyr_deploy.bench.run import bench
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.endpoint.types import Endpoint
from zephyr_deploy.errors import UsageError

SHARE = [
    {"id": "a", "conversations": [
        {"from": "system", "value": "Be kind."},
        {"from": "human", "value": "one"}, {"from": "gpt", "value": "1"},
        {"from": "human", "value": "two"}, {"from": "gpt", "value": "2"},
    ]},
    {"id": "b", "conversations": [{"from": "gpt", "value": "0"}, {"from": "human", "value": "ü 漢 ],["}]},
    {"id": "c", "conversations": [{"from": "gpt", "value": "nobody asks"}]},
]  # fmt: skip
LINES = [
    {"prompt": "p", "output_tokens": 3},
    {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "m"}], "max_tokens": 4},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "part"}, {"type": "text", "text": "s"}]}]},
]


def of(tmp_path, data, name="file", **spec):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return FilePrompts(BenchSpec(prompts_file=str(path), **spec))


def first(prompts, many):
    return list(islice(prompts.conversations("s"), many))


def texts(prompts, many):
    return sorted(turn.text for talk in first(prompts, many) for turn in talk)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("piece", [4, 64, 1 << 20])
def test_sharegpt(tmp_path, monkeypatch, indent, piece):
    monkeypatch.setattr(files, "PIECE", piece)
    prompts = of(tmp_path, "\ufeff " + json.dumps(SHARE, indent=indent, ensure_ascii=False), turns=2)
    talks = sorted(first(prompts, 2))
    assert talks == [(Turn("Be kind.\n\none", 64), Turn("two", 64)), (Turn("ü 漢 ],[", 64),)]
    assert prompts.facts().remarks == (f"Left out of {tmp_path}/file: element 3: there is nothing that a user says.",)


def test_turns_are_as_many_as_wanted(tmp_path):
    assert texts(of(tmp_path, json.dumps(SHARE)), 2) == ["Be kind.\n\none", "ü 漢 ],["]


def test_json_lines(tmp_path):
    prompts = of(tmp_path, "\n".join(map(json.dumps, LINES)), max_new_tokens=9)
    assert sorted(first(prompts, 3)) == [(Turn("S\n\nm", 4),), (Turn("p", 3),), (Turn("parts", 9),)]
    assert prompts.facts().remarks == ()
    assert prompts.facts().counted_by == "file"


@pytest.mark.parametrize(("name", "text"), [("file", "one\r\n\n two \nthree"), ("x.txt", "[one\n{two\nthree")])
def test_plain_lines(tmp_path, name, text):
    assert texts(of(tmp_path, text, name), 3) == sorted(line.strip() for line in text.splitlines() if line.strip())


def test_names_bad_lines_and_goes_on(tmp_path):
    bad = ["{", '{"x": 1}', "3", '{"prompt": 5}', '{"prompt": "a", "max_tokens": 0}', '{"prompt": " "}']
    prompts = of(tmp_path, "\n".join(['{"prompt": "good"}', *bad]).encode() + b'\n{"prompt": "\xff"}\n')
    assert texts(prompts, 3) == ["good"] * 3
    repeated, left_out = prompts.facts().remarks
    assert repeated == f"The 1 conversations of {tmp_path}/file were sent more than once."
    assert left_out == (
        f"Left out of {tmp_path}/file: line 2: not JSON; line 3: it has no prompt, messages or conversations; "
        "line 4: neither a text nor an object; and 4 more."
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "There is no prompt in"),
        ("\n \n", "There is no prompt in"),
        ("{}", "line 1: it has no prompt"),
        ("[", "element 1: not JSON"),
        ('[{"prompt": "a"', "element 1: not JSON"),
        ("[1]", "element 1: neither a text nor an object"),
        ("[]", "There is no prompt in"),
    ],
)
def test_a_file_without_prompts(tmp_path, data, why):
    with pytest.raises(UsageError, match=why):
        of(tmp_path, data)


def test_what_a_cut_array_has_is_used(tmp_path):
    prompts = of(tmp_path, '["a", "b", {"prompt": "c')
    assert texts(prompts, 2) == ["a", "b"]
    assert "element 3: not JSON" in prompts.facts().remarks[0]


def test_no_such_file(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        FilePrompts(BenchSpec(prompts_file=str(tmp_path / "no")))


def test_the_seed_draws_the_order_and_every_round_has_another(tmp_path):
    text = "\n".join(f"prompt {number}" for number in range(50))
    one, again, other = (first(of(tmp_path, text, seed=seed), 100) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert one[:50] != one[50:]
    assert len(set(one[:50])) == len(set(one[50:])) == 50


def test_all_of_a_long_file_is_sent_though_a_part_is_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "WINDOW", 8)
    talks = first(of(tmp_path, "\n".join(map(str, range(100)))), 100)
    assert {turn.text for (turn,) in talks} == set(map(str, range(100)))


def test_standard_input_is_read_once_and_may_run_out(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\n")))
    prompts = FilePrompts(BenchSpec(prompts_file="-"))
    assert texts(prompts, 4) == ["a", "a", "b", "b"]
    assert prompts.facts().remarks == ("The 2 conversations of standard input were sent more than once.",)


def test_a_pipe_is_read_once_and_may_run_out(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("a\nb\n",))
    writer.start()
    prompts = FilePrompts(BenchSpec(prompts_file=str(pipe)))
    writer.join()
    assert texts(prompts, 4) == ["a", "a", "b", "b"]


def test_where_others_are_in_the_file_does_not_matter(tmp_path, monkeypatch):
    """A process that is forked shares the system's place in it."""
    monkeypatch.setattr(files, "WINDOW", 1)
    prompts = of(tmp_path, "\n".join(f"{number:09000d}" for number in range(30)))
    talks = prompts.conversations("s")
    begun = list(islice(talks, 5))
    os.lseek(prompts._file.fileno(), 12345, os.SEEK_SET)
    assert len({turn.text for (turn,) in begun + list(islice(talks, 25))}) == 30


def test_series_go_on_in_the_file_and_a_trace_says_how_long_answers_are(tmp_path):
    prompts = of(tmp_path, "\n".join(map(str, range(20))))
    warmup = list(islice(prompts.conversations("0/warmup"), 5))
    measured = list(prompts.conversations("0/measured", [Arrival(0.0, 1, number) for number in range(1, 16)]))
    assert len({turn.text for (turn,) in warmup + measured}) == 20
    assert [turn.output_tokens for (turn,) in measured] == list(range(1, 16))


def test_no_shared_prefix_of_a_file():
    with pytest.raises(ValidationError, match="shared_prefix"):
        BenchSpec(prompts_file="x", shared_prefix=0.5)


def test_a_benchmark_of_a_file(tmp_path):
    engine = Engine("vllm")
    (tmp_path / "talks.json").write_text(json.dumps(SHARE))
    spec = BenchSpec(prompts_file=str(tmp_path / "talks.json"), turns=2, concurrency=(1,), requests=2, warmup=0)
    with running(engine) as url:
        report = bench(Endpoint(name="x", url=url, engine="vllm", model_id=MODEL), spec)
    (level,) = report.levels
    said = [[message["content"] for message in body["messages"]] for _, body in engine.asked]
    assert sorted(said) == [["Be kind.\n\none"], ["Be kind.\n\none", "a", "two"], ["ü 漢 ],["]]
    assert {path for path, _ in engine.asked} == {"/v1/chat/completions"}
    assert (level.errors, report.prompts.counted_by) == ({}, "file")
