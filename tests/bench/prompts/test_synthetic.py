from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.bench.prompts.synthetic import SyntheticPrompts
from zephyr_deploy.bench.prompts.traces import Arrival
from zephyr_deploy.bench.prompts.vocabulary import Opening, Vocabulary, estimated, words
from zephyr_deploy.bench.spec import BenchSpec

COUNTED = Vocabulary(
    words=words()[:16],
    openings=(Opening(word="Over", beyond=5), Opening(word="Under", beyond=7)),
    counted_by="server",
)
SERIES = ("0/warmup", "0/measured", "1/measured")


def drawn(vocabulary=None, many=20, series="s", **spec):
    return list(islice(SyntheticPrompts(BenchSpec(**spec), vocabulary).conversations(series), many))


def first_words(text, many):
    return " ".join(text.split()[:many])


@pytest.mark.parametrize("vocabulary", [estimated(), COUNTED])
def test_same_seed_same_prompts_and_another_seed_others(vocabulary):
    first, again, other = (drawn(vocabulary, seed=seed, turns=2, prompt_tokens="40..60") for seed in (1, 1, 2))
    assert first == again
    assert not {turn.text for talk in first for turn in talk} & {turn.text for talk in other for turn in talk}


def test_stays_the_same_from_version_to_version():
    """A report's seed is only worth something if a later release sends the same prompts."""
    ((turn,),) = drawn(many=1, series="0/measured", prompt_tokens=8)
    assert turn.text == "only development for still might choose"


@pytest.mark.parametrize("vocabulary", [estimated(), COUNTED])
def test_no_two_series_or_numbers_begin_alike(vocabulary):
    """Otherwise the server's prefix cache answers, and TTFT is not what it seems."""
    begins = [first_words(turn.text, 16) for name in SERIES for (turn,) in drawn(vocabulary, 200, name)]
    assert len(set(begins)) == len(begins)


@given(st.integers(1, 4000))
def test_length_follows_what_is_asked_for(tokens):
    ((turn,),) = drawn(many=1, prompt_tokens=tokens)
    assert len(turn.text.split()) == max(1, round(tokens / 1.3))
    assert turn.prompt_tokens is None


@given(st.integers(8, 4000), st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 1.0]))
def test_what_is_counted_is_as_long_as_asked_for(tokens, seed, share):
    beyond = {opening.word: opening.beyond for opening in COUNTED.openings}
    for (turn,) in drawn(COUNTED, 3, seed=seed, prompt_tokens=tokens, shared_prefix=share):
        said = turn.text.split()
        assert len(said) + beyond[said[0]] == tokens == turn.prompt_tokens


def test_a_prompt_has_one_word_at_least_and_says_where_that_is_longer_than_asked_for():
    ((turn,),) = drawn(COUNTED, 1, prompt_tokens=1)
    assert (turn.text, turn.prompt_tokens) in {("Over", 6), ("Under", 8)}


@pytest.mark.parametrize(("wanted", "told"), [(7, True), (8, False), ("7..99", True), ("8..99", False), ("9:5", False)])
def test_says_where_a_template_alone_is_longer_than_asked_for(wanted, told):
    facts = SyntheticPrompts(BenchSpec(prompt_tokens=wanted), COUNTED).facts()
    assert any("one word has up to 8 tokens" in remark for remark in facts.remarks) == told
    assert SyntheticPrompts(BenchSpec(prompt_tokens=wanted)).facts().remarks == ()


@pytest.mark.parametrize("vocabulary", [estimated(), COUNTED])
def test_shares_as_much_as_is_wanted_in_every_series_and_no_more(vocabulary):
    said = [
        turn.text.split()
        for name in SERIES
        for (turn,) in drawn(vocabulary, 20, name, prompt_tokens=100, shared_prefix=0.5)
    ]
    shared = round(len(said[0]) * 0.5)
    assert len({tuple(text[:shared]) for text in said}) == 1
    assert len({tuple(text[shared : shared + 10]) for text in said}) == len(said)


def test_a_longer_prompt_shares_more_of_the_same():
    prompts = SyntheticPrompts(BenchSpec(shared_prefix=0.5))
    (short,), (long,) = prompts.conversations("s", [Arrival(0.0, 50, 9), Arrival(1.5, 500, 1)])
    half = short.text.split()[:19]
    assert long.text.split()[:19] == half
    assert (short.output_tokens, long.output_tokens) == (9, 1)


def test_lengths_are_drawn_anew_for_every_turn():
    talks = drawn(many=50, turns=3, prompt_tokens="10..100", max_new_tokens="100:20")
    prompts = [len(turn.text.split()) for talk in talks for turn in talk]
    outputs = [turn.output_tokens for talk in talks for turn in talk]
    assert min(prompts) >= 8
    assert max(prompts) <= 77
    assert len(set(prompts)) > 40
    assert 90 < sum(outputs) / len(outputs) < 110
    assert len(set(outputs)) > 30


def test_only_the_first_turn_is_counted_and_shared():
    talks = drawn(COUNTED, 2, turns=3, shared_prefix=1.0)
    assert talks[0][0] == talks[1][0]
    assert talks[0][1] != talks[1][1]
    assert [turn.prompt_tokens for turn in talks[0]] == [128, None, None]


def test_word_list_is_what_it_says():
    assert len(words()) == len(set(words())) == 512
    assert all(word.isascii() and word.islower() and word.isalpha() for word in words())
