"""The server's own usage says what was asked for, whoever counts and by whichever routes."""

from __future__ import annotations

import json

import pytest
from bench.prompts.engines import MODEL, Engine, running
from bench.prompts.odd import Odd

from zephyr_deploy.bench.prompts import counting
from zephyr_deploy.bench.prompts.counting import count_words
from zephyr_deploy.bench.run import bench
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.endpoint.types import Endpoint
from zephyr_deploy.errors import UsageError

ROUTES = [
    ("tgi", "openai"),
    ("tgi", "native"),
    ("tgi", "completions"),
    ("vllm", "openai"),
    ("vllm", "completions"),
    ("sglang", "openai"),
    ("sglang", "completions"),
    ("llamacpp", "openai"),
    ("llamacpp", "completions"),
]
COUNTING = {"/tokenize", "/chat_tokenize", "/apply-template"}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_CACHE_DIR", str(tmp_path / "cache"))


def at(url, engine):
    return Endpoint(name="x", url=url, engine=engine, model_id=MODEL)


def measured(engine, client="openai", **spec):
    spec = {"prompt_tokens": 77, "max_new_tokens": 1, "concurrency": (2,), "requests": 6, "warmup": 1, **spec}
    with running(engine) as url:
        report = bench(at(url, engine.name), BenchSpec(client=client, **spec))
    (level,) = report.levels
    assert level.errors == {}
    return report, level


@pytest.mark.parametrize(("name", "client"), ROUTES)
def test_usage_is_what_was_asked_for_and_nothing_is_counted_while_it_is_measured(name, client):
    engine = Engine(name)
    report, level = measured(engine, client)
    assert report.prompts.counted_by == "server"
    assert report.prompts.remarks == ()
    assert {record.prompt_tokens for record in level.log} == {77}
    paths = [path for path, body in engine.asked if body.get("stream", True)]
    first = next(place for place, path in enumerate(paths) if path not in COUNTING)
    assert len(paths) - first == 7
    assert not COUNTING & set(paths[first:])


def test_is_remembered_by_model_and_looked_at_once_more():
    first, second, changed = Engine("vllm"), Engine("vllm"), Engine("vllm", Odd(seed=5, tail=(-8,) * 9))
    _, level = measured(first)
    measured(second)
    _, other = measured(changed)
    counted = [sum(path in COUNTING for path, _ in engine.asked) for engine in (first, second, changed)]
    assert counted[1] == 1
    assert counted[0] > 30
    assert counted[2] == counted[0] + 1
    assert {record.prompt_tokens for record in (*level.log, *other.log)} == {77}


def test_what_was_remembered_may_be_broken(tmp_path):
    measured(Engine("vllm"))
    (file,) = (tmp_path / "cache" / "models" / "tokens").iterdir()
    for data in (b"\xff", json.dumps({"words": [], "counted_by": "server"}).encode()):
        file.write_bytes(data)
        assert measured(Engine("vllm"))[0].prompts.counted_by == "server"


@pytest.mark.parametrize("name", ["tgi", "vllm", "sglang", "llamacpp"])
def test_estimates_where_nobody_counts_and_says_so(name):
    report, level = measured(Engine(name, without=COUNTING))
    assert report.prompts.counted_by == "estimate"
    assert report.prompts.remarks[0].startswith("The lengths of prompts are estimates: the tokens could not be counted")
    assert all(50 < record.prompt_tokens < 110 for record in level.log)


@pytest.mark.parametrize(
    ("route", "said", "why"),
    [
        ("_tokenize_vllm", {"count": 0, "tokens": []}, "words have no tokens"),
        ("_tokenize_vllm", {"count": 5, "tokens": [[1], [2]]}, "in no known form"),
        ("_generate", {"choices": [], "usage": {"prompt_tokens": None}}, "prompt_tokens is no number of tokens"),
        ("_generate", {"choices": [], "usage": None}, "has no prompt_tokens"),
    ],
)
def test_estimates_where_what_the_server_counts_makes_no_sense(monkeypatch, route, said, why):
    monkeypatch.setattr(Engine, route, lambda *_: (200, said))
    with running(Engine("sglang")) as url:
        found = count_words(at(url, "sglang"), BenchSpec())
    assert found.vocabulary.counted_by == "estimate"
    assert why in found.doubt


def test_estimates_where_words_are_never_one_token():
    report, level = measured(Engine("tgi", Odd(long=1.0)))
    assert "too few of the words are one token" in report.prompts.remarks[0]
    assert all(70 < record.prompt_tokens < 90 for record in level.log)


def test_does_not_count_for_long(monkeypatch):
    monkeypatch.setattr(counting, "COUNT_S", 0.0)
    report, _ = measured(Engine("tgi"))
    assert "not counted within 0 s" in report.prompts.remarks[0]


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory):
    """A byte-pair tokenizer of our words, with a token at the beginning of every text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    from zephyr_deploy.bench.prompts.vocabulary import words

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=["<s>"], show_progress=False)
    tokenizer.train_from_iterator([" " + " ".join(words())], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    path = tmp_path_factory.mktemp("model") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


class Trained(Odd):
    """An engine's tokenizer that is the one of a file."""

    def __init__(self, path):
        super().__init__()
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(path))

    def _text(self, text):
        return self._tokenizer.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize("client", ["openai", "completions"])
@pytest.mark.parametrize("folder", [False, True])
def test_a_tokenizer_here_counts_where_the_server_does_not(tokenizer_file, client, folder):
    named = tokenizer_file.parent if folder else tokenizer_file
    engine = Engine("vllm", Trained(tokenizer_file), without=COUNTING)
    report, level = measured(engine, client, tokenizer=str(named))
    assert report.prompts.counted_by == "tokenizer"
    assert {record.prompt_tokens for record in level.log} == {77}


def test_the_cache_of_the_hub_is_looked_at(tokenizer_file, tmp_path, monkeypatch):
    folder = tmp_path / "models--org--model"
    snapshot = folder / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0" * 40)
    (snapshot / "tokenizer.json").write_bytes(tokenizer_file.read_bytes())
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    report, level = measured(Engine("vllm", Trained(tokenizer_file), without=COUNTING))
    assert report.prompts.counted_by == "tokenizer"
    assert {record.prompt_tokens for record in level.log} == {77}


def test_a_broken_file_in_the_cache_of_the_hub_is_passed_over(tmp_path, monkeypatch):
    folder = tmp_path / "models--org--model"
    (folder / "snapshots" / "0").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0")
    (folder / "snapshots" / "0" / "tokenizer.json").write_text("{}")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert measured(Engine("vllm", without=COUNTING))[0].prompts.counted_by == "estimate"


def test_a_tokenizer_that_is_none(tmp_path, monkeypatch):
    (tmp_path / "tokenizer.json").write_text("{}")
    for named, says in ((tmp_path / "no", "There is no tokenizer"), (tmp_path, "is no tokenizer")):
        with pytest.raises(UsageError, match=says):
            count_words(at("http://127.0.0.1:1", "vllm"), BenchSpec(tokenizer=str(named)))
    monkeypatch.setattr("zephyr_deploy.bench.prompts.local.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="package tokenizers, which is not installed") as caught:
        count_words(at("http://127.0.0.1:1", "vllm"), BenchSpec(tokenizer=str(tmp_path)))
    assert "zephyr-deploy[tokenizer]" in caught.value.hint


@pytest.mark.engine
@pytest.mark.parametrize("client", ["openai", "completions", "native"])
def test_the_embedded_engine_says_the_same(service, client):
    spec = BenchSpec(concurrency=(2,), requests=4, max_new_tokens=12, prompt_tokens=100, client=client, ignore_eos=True)
    report = bench(service.endpoint(), spec)
    (level,) = report.levels
    assert (level.errors, report.prompts.counted_by) == ({}, "server")
    assert {record.prompt_tokens for record in level.log} == {100}
    assert {record.output_tokens for record in level.log} == {12}
