"""Prompts have as many tokens as they are to have, whatever the tokenizer's moods."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest
from bench.prompts.odd import Odd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from zephyr_deploy.bench.prompts.measuring import AT_ONCE, ORDER, _every_pair, measure, still_true
from zephyr_deploy.bench.prompts.synthetic import SyntheticPrompts
from zephyr_deploy.bench.prompts.vocabulary import words
from zephyr_deploy.bench.spec import BenchSpec

ODD = st.builds(
    Odd,
    seed=st.integers(0, 99),
    long=st.sampled_from([0.0, 0.3, 0.8]),
    alike=st.sampled_from([0.0, 0.05]),
    merging=st.sampled_from([0.0, 0.0001, 0.002]),
    first_differs=st.sampled_from([0.0, 0.5, 1.0]),
    bos=st.booleans(),
    head=st.sampled_from([(), (-2, -3, -4)]),
    tail=st.sampled_from([(), (-5,)]),
    prompts=st.sampled_from([2, 16]),
)


def counted(tokenizer, vocabulary, many=3, **spec):
    """(tokens by the tokenizer, tokens asked for) of some prompts."""
    talks = SyntheticPrompts(BenchSpec(**spec), vocabulary).conversations("s")
    return [(tokenizer.whole(turn.text), turn.prompt_tokens) for (turn,) in islice(talks, many)]


@settings(max_examples=12)
@given(ODD, st.integers(0, 9**9), st.integers(10, 3000), st.sampled_from([0.0, 0.5, 1.0]))
def test_every_prompt_is_exactly_as_long_as_asked_for(tokenizer, seed, tokens, share):
    vocabulary = measure(tokenizer)
    assume(vocabulary.counted_by == "server")  # of some, too many words merge: they are told of as estimates
    for found, asked in counted(tokenizer, vocabulary, seed=seed, prompt_tokens=tokens, shared_prefix=share):
        assert found == asked == tokens


def test_takes_few_questions():
    tokenizer = Odd()
    vocabulary = measure(tokenizer)
    assert len(vocabulary.words) == 128
    assert len(vocabulary.openings) == 8
    assert len(tokenizer.calls) == 1 + 4 + 128**2 // AT_ONCE + 16
    assert max(len(text) for text in tokenizer.calls) < 10_000


def test_takes_a_smaller_set_where_words_merge():
    vocabulary = measure(Odd(merging=0.001))
    assert len(vocabulary.words) in {16, 32, 64}


@pytest.mark.parametrize("tokenizer", [Odd(long=1.0), Odd(merging=0.3), Odd(alike=1.0)])
def test_says_where_it_can_only_estimate_and_does_so_by_what_it_saw(tokenizer):
    vocabulary = measure(tokenizer)
    assert (vocabulary.counted_by, vocabulary.openings) == ("estimate", ())
    assert vocabulary.words == words()
    assert vocabulary.tokens_per_word == pytest.approx(len(tokenizer.ids(" ".join(ORDER))) / 512)
    talks = SyntheticPrompts(BenchSpec(prompt_tokens=2000), vocabulary).conversations("s")
    lengths = [len(tokenizer.ids(turn.text)) for (turn,) in islice(talks, 5)]
    assert all(1800 < length < 2200 for length in lengths)


def test_a_template_that_hangs_on_the_text_is_not_trusted():
    class Moody(Odd):
        def whole(self, text):
            return super().whole(text) + len(text) % 2

    assert measure(Moody()).counted_by == "estimate"


def test_shows_every_pair_once():
    for many in (2, 3, 16):
        said = list(_every_pair(range(many)))
        pairs = list(pairwise(said))
        assert len(pairs) == len(set(pairs)) == many**2


def test_knows_when_the_server_counts_otherwise():
    tokenizer = Odd()
    vocabulary = measure(tokenizer)
    assert still_true(tokenizer, vocabulary)
    tokenizer.tail += (-7,)
    assert not still_true(tokenizer, vocabulary)
