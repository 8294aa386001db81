import pytest

from zephyr_deploy.engines.llamacpp.gateway.sampling import (
    RANDOM_SEED,
    completion_payload,
    is_sampling,
    sampling_fields,
    seed_of,
)
from zephyr_deploy.engines.llamacpp.gateway.schema import GenerateRequest, Parameters

OFF = {
    "samplers": ["penalties", "temperature", "top_k", "top_p", "typ_p"],
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "repeat_penalty": 1.0,
    "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
    "repeat_last_n": 99,
    "temperature": 0.0,
}


@pytest.mark.parametrize(
    ("given", "seed", "changed"),
    [
        ({}, None, {}),
        ({"do_sample": True}, 7, {"temperature": 1.0, "seed": 7}),
        ({"temperature": 0.7}, 7, {"temperature": 0.7, "seed": 7}),
        ({"top_k": 5}, 7, {"top_k": 5, "temperature": 1.0, "seed": 7}),
        ({"top_p": 0.9}, 7, {"top_p": 0.9, "temperature": 1.0, "seed": 7}),
        ({"typical_p": 0.8}, 7, {"typical_p": 0.8, "temperature": 1.0, "seed": 7}),
        ({"repetition_penalty": 1.2}, None, {"repeat_penalty": 1.2}),
        ({"frequency_penalty": -0.5}, None, {"frequency_penalty": -0.5}),
        ({"do_sample": True}, 2**64 - 1, {"temperature": 1.0, "seed": (2**64 - 1) % RANDOM_SEED}),
        ({"do_sample": True}, RANDOM_SEED, {"temperature": 1.0, "seed": 0}),
    ],
)
def test_each_parameter_reaches_the_engine_and_the_others_are_off(given, seed, changed):
    assert sampling_fields(Parameters(**given), seed=seed, window=99) == {**OFF, **changed}


@pytest.mark.parametrize(("top_n", "n_probs"), [(None, 1), (0, 1), (1, 1), (4, 4)])
def test_the_whole_request(top_n, n_probs):
    parameters = Parameters(stop=["</s>"], top_n_tokens=top_n)
    assert completion_payload(parameters, (5, 6), new_tokens=8, seed=None, window=99) == {
        "prompt": [5, 6],
        "n_predict": 8,
        "stop": ["</s>"],
        "n_probs": n_probs,
        "return_tokens": True,
        **OFF,
    }


def test_the_end_is_ignored_only_where_that_is_asked():
    payloads = [
        completion_payload(Parameters(**given), (5,), new_tokens=8, seed=None, window=99)
        for given in ({}, {"ignore_eos": True})
    ]
    assert [payload.get("ignore_eos") for payload in payloads] == [None, True]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, False),
        ({"temperature": 1.0}, False),
        ({"repetition_penalty": 1.3}, False),
        ({"do_sample": True}, True),
        ({"temperature": 0.5}, True),
        ({"top_k": 3}, True),
        ({"top_p": 0.5}, True),
        ({"typical_p": 0.5}, True),
    ],
)
def test_drawing_is_implied_by_what_only_drawing_gives_a_meaning(given, expected):
    assert is_sampling(Parameters(**given)) is expected


def test_no_parameters_at_all_means_drawing_and_some_mean_greedy():
    assert GenerateRequest.model_validate({"inputs": "x"}).parameters.do_sample is True
    assert GenerateRequest.model_validate({"inputs": "x", "parameters": {}}).parameters.do_sample is False


def test_a_seed_is_drawn_kept_or_null():
    drawn = {seed_of(Parameters(do_sample=True)) for _ in range(20)}
    assert len(drawn) == 20
    assert all(seed is not None and 0 <= seed < RANDOM_SEED for seed in drawn)
    assert seed_of(Parameters(do_sample=True, seed=2**63)) == 2**63
    assert seed_of(Parameters(seed=3)) is None
