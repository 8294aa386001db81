from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.bench.prompts.synthetic import prompt, prompts, words


def test_same_seed_same_prompts_and_another_seed_others():
    first, again, other = (list(islice(prompts(seed, "s", 50, 64), 20)) for seed in (1, 1, 2))
    assert first == again
    assert not set(first) & set(other)


def test_stays_the_same_from_version_to_version():
    """A report's seed is only worth something if a later release sends the same prompts."""
    assert prompt(0, "0/measured", 0, 8) == "only development for still might choose"


def test_no_two_series_or_numbers_begin_alike():
    """Otherwise the server's prefix cache answers, and TTFT is not what it seems."""
    begins = [
        " ".join(turn.text.split()[:6]) for name in ("0/warmup", "0/measured", "1/measured")
        for (turn,) in islice(prompts(0, name, 60, 64), 200)
    ]  # fmt: skip
    assert len(set(begins)) == len(begins)


@given(st.integers(1, 4000))
def test_length_follows_what_is_asked_for(tokens):
    count = len(prompt(3, "s", 0, tokens).split())
    assert count == max(1, round(tokens / 1.3))


def test_word_list_is_what_it_says():
    assert len(words()) == len(set(words())) == 512
    assert all(word.isascii() and word.islower() and word.isalpha() for word in words())
