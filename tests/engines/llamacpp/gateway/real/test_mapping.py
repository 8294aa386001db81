"""Each row of the mapping from TGI's API to llama.cpp's, by its effect on real generations."""

import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from gateway_service import ANSWER, PROMPT, QUESTION

pytestmark = pytest.mark.engine

STORY = "Once upon a time"
EMOJI = "😀😁😂😀😁😂😀😁😂😀"
COUNT = "List:\n1.\n2.\n3.\n"
CITY = {"properties": {"city": {"enum": ["Tokyo", "Paris"]}}, "required": ["city"], "additionalProperties": False}


@pytest.fixture
def ask(http):
    def run(inputs, path="/generate", *, status=200, **parameters):
        body = {"inputs": inputs, "parameters": {"details": True, "max_new_tokens": 12, **parameters}}
        response = http.post(path, json=body)
        assert response.status_code == status, response.text
        return response.json()

    return run


@pytest.fixture
def stream(http):
    def run(inputs, **parameters):
        body = {"inputs": inputs, "parameters": {"details": True, "max_new_tokens": 12, **parameters}}
        blocks = http.post("/generate_stream", json=body).content.split(b"\n\n")[:-1]
        return [json.loads(block.removeprefix(b"data: ")) for block in blocks]

    return run


def shown(tokens):
    return "".join(token["text"] for token in tokens if not token["special"])


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-3}, {"typical_p": 1e-6}])
def test_narrow_sampling(ask, narrow):
    """Nothing but the likeliest token is left; only typical_p may prefer a more typical one, and always the same."""
    answers = {ask(STORY, do_sample=True, **narrow)["generated_text"] for _ in range(3)}
    assert len(answers) == 1
    if "typical_p" not in narrow:
        assert answers == {ask(STORY)["generated_text"]}


def test_wide_sampling_draws(ask):
    assert len({ask(STORY, do_sample=True, temperature=1.5)["generated_text"] for _ in range(4)}) > 1


@pytest.mark.parametrize("penalty", [{"repetition_penalty": 1.8}, {"frequency_penalty": 2.0}])
def test_penalties_end_a_repetition(ask, penalty):
    repeated = "Yes. Yes. Yes. Yes. Yes. Yes."
    assert ask(repeated)["generated_text"] == " Yes." * 6
    assert ask(repeated, **penalty)["generated_text"].count("Yes") < 6


def test_one_seed_gives_one_answer_alone_and_in_company(ask):
    draw = {"do_sample": True, "temperature": 0.8, "seed": 2**40 + 7}
    alone = ask(STORY, **draw)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: ask(STORY, **draw), range(4)))
    assert {answer["generated_text"] for answer in together} == {alone["generated_text"]}
    assert {answer["details"]["seed"] for answer in together} == {2**40 + 7}
    assert ask(STORY, **{**draw, "seed": 2**32 - 1}) == ask(STORY, **{**draw, "seed": 2**32 - 1})


def test_truncate_keeps_the_end_of_the_prompt(ask):
    whole = ask("apples and pears, " + COUNT)
    cut = ask("apples and pears, " + COUNT, truncate=12, decoder_input_details=True)
    assert "".join(piece["text"] for piece in cut["details"]["prefill"]) == " " + COUNT
    assert len(cut["details"]["prefill"]) == 12
    assert cut["generated_text"] == ask(" " + COUNT)["generated_text"]
    assert whole["details"]["prefill"] == []


def test_the_prompts_tokens_cost_no_questions(http):
    text = " ".join(f"word{number}" for number in range(200))
    body = {"inputs": text, "parameters": {"decoder_input_details": True, "max_new_tokens": 1}}
    prefill = http.post("/generate", json=body).json()["details"]["prefill"]
    assert "".join(piece["text"] for piece in prefill) == text
    assert [piece["id"] for piece in prefill] == [token["id"] for token in http.post("/tokenize", json=body).json()]


@pytest.mark.parametrize(("path", "default"), [("/generate", False), ("/", True)])
def test_the_prompt_comes_first_where_asked_for(ask, path, default):
    def text(**parameters):
        answer = ask(PROMPT, path, **parameters)
        return (answer[0] if isinstance(answer, list) else answer)["generated_text"]

    assert text(return_full_text=True) == PROMPT + ANSWER
    assert text(return_full_text=False) == ANSWER
    assert text() == (PROMPT + ANSWER if default else ANSWER)


def test_the_likeliest_tokens_stand_beside_each_token(ask, stream):
    whole, events = ask(PROMPT, top_n_tokens=3)["details"], stream(PROMPT, top_n_tokens=3)
    assert [event["top_tokens"] for event in events] == whole["top_tokens"]
    for token, top in zip(whole["tokens"], whole["top_tokens"], strict=True):
        assert len(top) == 3
        assert top[0] == token
        assert [entry["logprob"] for entry in top] == sorted((entry["logprob"] for entry in top), reverse=True)


@pytest.mark.parametrize(
    ("asked", "reason", "text"),
    [
        ((COUNT, {"stop": ["\n\n\n", "4.\n5.\n"], "max_new_tokens": 3}), "length", "4.\n"),
        ((PROMPT, {"stop": ["Tokyo.!", "..."]}), "eos_token", ANSWER),
        ((PROMPT, {"stop": ["of Japan"]}), "stop_sequence", "The capital of Japan"),
        ((PROMPT, {"stop": ["of Jap"]}), "stop_sequence", "The capital of Jap"),
        ((PROMPT, {"stop": ["Tokyo", "capital"]}), "stop_sequence", "The capital"),
        ((EMOJI, {"stop": ["😁"]}), "stop_sequence", "😁"),
        ((EMOJI, {"stop": ["😁Z"], "max_new_tokens": 6}), "length", None),
        ((EMOJI, {"max_new_tokens": 9}), "length", None),
    ],
)
def test_stop_sequences_in_whole_answers_and_in_streams(ask, stream, asked, reason, text):
    inputs, parameters = asked
    whole, events = ask(inputs, **parameters), stream(inputs, **parameters)
    assert whole["generated_text"] == events[-1]["generated_text"]
    assert text is None or whole["generated_text"] == text
    assert whole["details"]["finish_reason"] == events[-1]["details"]["finish_reason"] == reason
    tokens = whole["details"]["tokens"]
    assert shown(tokens) == whole["generated_text"]
    assert len(tokens) == whole["details"]["generated_tokens"] == events[-1]["details"]["generated_tokens"]
    assert shown(event["token"] for event in events) == whole["generated_text"]
    assert [event["token"]["id"] for event in events] == [token["id"] for token in tokens]
    assert tokens[-1]["special"] == (reason == "eos_token")


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_every_token_is_shown_where_a_limit_falls_within_a_character(ask, limit):
    answer = ask(EMOJI, max_new_tokens=limit)
    assert len(answer["details"]["tokens"]) == answer["details"]["generated_tokens"] == limit
    assert shown(answer["details"]["tokens"]) == answer["generated_text"].rstrip("\ufffd")


@pytest.mark.parametrize(
    ("kind", "value", "form"),
    [
        ("json", CITY, dict),
        ("json", json.dumps(CITY), dict),
        ("json_object", CITY, dict),
        ("json_schema", {"name": "city", "schema": CITY}, dict),
        ("regex", "[0-9]{3}-[0-9]{4}", None),
        ("regex", "(Tokyo|Paris)/[a-z]{2}", None),
    ],
)
def test_grammars(ask, kind, value, form):
    answer = ask(PROMPT, grammar={"type": kind, "value": value}, max_new_tokens=40)
    assert answer["details"]["finish_reason"] == "eos_token"
    if form is None:
        assert re.fullmatch(value, answer["generated_text"])
    else:
        assert json.loads(answer["generated_text"])["city"] in {"Tokyo", "Paris"}


@pytest.mark.parametrize("prompt", ["5 + 5 =", "What is your name?"])
def test_properties_make_an_object_whatever_the_prompt(ask, prompt):
    schema = {"properties": {"a": {"type": "integer", "maximum": 99, "minimum": 0}}, "required": ["a"]}
    answer = ask(prompt, grammar={"type": "json", "value": schema}, max_new_tokens=60)["generated_text"]
    assert answer.lstrip().startswith("{")


def test_grammars_and_stop_sequences_together(ask):
    grammar = {"type": "json", "value": CITY}
    answer = ask("JSON: ", grammar=grammar, stop=[":"], max_new_tokens=30)
    assert answer["generated_text"].endswith('"city":')
    assert answer["details"]["finish_reason"] == "stop_sequence"


@pytest.mark.parametrize("value", ["(?=a)a", r"\bfoo\b", r"(a)\1"])
def test_grammars_that_the_engine_would_ignore_are_refused(ask, value):
    error = ask("a", grammar={"type": "regex", "value": value}, status=422)
    assert error["error_type"] == "validation"


def test_response_formats_of_openai(http):
    def chat(form):
        body = {"messages": QUESTION, "temperature": 0, "max_tokens": 40, "response_format": form}
        return json.loads(http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"])

    assert chat({"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}})["city"] in {"Tokyo", "Paris"}
    assert isinstance(chat({"type": "json_object", "value": CITY}), dict)


def test_logprobs_that_nothing_was_done_to(ask):
    """Greedy and unpenalized, llama.cpp's logprobs are TGI's: natural logarithms of a distribution."""
    for token in ask(PROMPT, top_n_tokens=5)["details"]["top_tokens"]:
        assert sum(2.718281828 ** entry["logprob"] for entry in token) <= 1 + 1e-3


def test_names_that_are_null_do_not_reach_the_template(http):
    messages = [{**message, "name": None, "tool_calls": None} for message in QUESTION]
    answer = http.post("/v1/chat/completions", json={"messages": messages, "temperature": 0, "max_tokens": 16})
    assert answer.json()["choices"][0]["message"]["content"] == ANSWER


def test_every_delta_has_what_text_generation_needs(http):
    body = {"messages": QUESTION, "temperature": 0, "max_tokens": 16, "stream": True}
    blocks = http.post("/v1/chat/completions", json=body).text.split("\n\n")[:-1]
    assert blocks.pop() == "data: [DONE]"
    deltas = [json.loads(block.removeprefix("data: "))["choices"][0]["delta"] for block in blocks]
    assert all(delta["role"] == "assistant" and delta["tool_calls"] is None for delta in deltas)
    assert "".join(delta["content"] for delta in deltas) == ANSWER


def test_a_hostile_grammar_holds_up_nobody(http, service):
    """A pattern on which Python's ``re`` would take minutes; meanwhile others are answered."""
    grammar = {"type": "regex", "value": "(a|aa){24}(a|aa|b)*c"}
    body = {"inputs": "a" * 45, "parameters": {"max_new_tokens": 60, "stop": ["a" * 36], "grammar": grammar}}
    with ThreadPoolExecutor(1) as pool:
        hostile = pool.submit(http.post, "/generate", json=body)
        while not hostile.done():
            start = time.monotonic()
            assert http.get("/health").status_code == 200
            assert time.monotonic() - start < 5
            time.sleep(0.05)
    assert hostile.result().status_code == 200


def test_a_prompt_of_megabytes_is_refused_and_holds_up_nobody(http):
    body = {"inputs": "a " * 900_000, "parameters": {"max_new_tokens": 1}}
    with ThreadPoolExecutor(2) as pool:
        huge = [pool.submit(http.post, "/generate", json=body) for _ in range(2)]
        waits = []
        while not all(answer.done() for answer in huge):
            start = time.monotonic()
            assert http.get("/info").status_code == 200
            waits.append(time.monotonic() - start)
            time.sleep(0.02)
    assert {answer.result().status_code for answer in huge} == {422}
    assert max(waits) < 10, os.getloadavg()
