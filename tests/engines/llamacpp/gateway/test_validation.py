import pytest

PREFIX = "Input validation error: "
CASES = [
    ({"temperature": 0.0}, "`temperature` must be strictly positive"),
    ({"temperature": -1}, "`temperature` must be strictly positive"),
    ({"repetition_penalty": 0}, "`repetition_penalty` must be strictly positive"),
    ({"frequency_penalty": 2.5}, "`frequency_penalty` must be >= -2.0 and <= 2.0"),
    ({"frequency_penalty": -2.5}, "`frequency_penalty` must be >= -2.0 and <= 2.0"),
    ({"top_p": 1.0}, "`top_p` must be > 0.0 and < 1.0"),
    ({"top_p": 0.0}, "`top_p` must be > 0.0 and < 1.0"),
    ({"typical_p": 1.0}, "`typical_p` must be > 0.0 and < 1.0"),
    ({"top_k": 0}, "`top_k` must be strictly positive"),
    ({"top_k": -1}, "`top_k` must be strictly positive"),
    ({"max_new_tokens": 0}, "`max_new_tokens` must be strictly positive"),
    ({"stop": list("abcde")}, "`stop` supports up to 4 stop sequences. Given: 5"),
    ({"top_n_tokens": 6}, "`top_n_tokens` must be >= 0 and <= 5. Given: 6"),
    ({"best_of": 3, "do_sample": True}, "`best_of` must be > 0 and <= 2. Given: 3"),
    ({"best_of": 0}, "`best_of` must be > 0 and <= 2. Given: 0"),
    ({"best_of": 2}, "you must use sampling when `best_of` is > 1"),
    ({"best_of": 2, "do_sample": True, "seed": 1}, "`seed` must not be set when `best_of` > 1"),
    ({"truncate": 0}, "`truncate` must be strictly positive and less than 20. Given: 0"),
    ({"truncate": 21}, "`truncate` must be strictly positive and less than 20. Given: 21"),
    (
        {"max_new_tokens": 40},
        "`inputs` tokens + `max_new_tokens` must be <= 40. Given: 5 `inputs` tokens and 40 `max_new_tokens`",
    ),
    ({"watermark": True}, "`watermark` is not supported by the llama.cpp engine"),
    ({"adapter_id": "a/b"}, "`adapter_id` is not supported: this service has no adapters"),
]


@pytest.mark.parametrize(("parameters", "text"), CASES)
def test_rules(post, engine, parameters, text):
    response = post("/generate", {"inputs": "hello", "parameters": parameters})
    assert response.status_code == 422
    assert response.json() == {"error": PREFIX + text, "error_type": "validation"}
    assert engine.payloads == []


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ("", "`inputs` cannot be empty"),
        ("x" * 21, "`inputs` must have less than 20 tokens. Given: 21"),
        (
            "x" * 41,
            "`inputs` tokens + `max_new_tokens` must be <= 40. Given: 41 `inputs` tokens and 0 `max_new_tokens`",
        ),
    ],
)
def test_prompts(post, inputs, text):
    response = post("/generate", {"inputs": inputs})
    assert (response.status_code, response.json()["error"]) == (422, PREFIX + text)


def test_edges_that_are_allowed(post, engine):
    parameters = {
        "frequency_penalty": 2.0,
        "top_p": 0.999,
        "truncate": 20,
        "stop": list("abcd"),
        "top_n_tokens": 5,
        "max_new_tokens": 20,
    }
    assert post("/generate", {"inputs": "x" * 20, "parameters": parameters}).status_code == 200
    assert engine.payloads[0]["n_predict"] == 20


def test_best_of_can_be_switched_off(post):
    body = {"inputs": "x", "parameters": {"best_of": 2, "do_sample": True}}
    response = post("/generate", body, limits={"max_best_of": 1})
    assert response.json()["error"] == PREFIX + "`best_of` != 1 is not allowed for this endpoint"


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"best_of": 2, "do_sample": True}, "`best_of` != 1 is not supported when streaming tokens"),
        ({"decoder_input_details": True}, "`decoder_input_details` == true is not supported when streaming tokens"),
        ({"top_p": 1.0}, "`top_p` must be > 0.0 and < 1.0"),
    ],
)
def test_a_stream_answers_200_and_tells_the_error_in_an_event(frames, parameters, text):
    assert frames("/generate_stream", {"inputs": "x", "parameters": parameters}) == [
        {"error": PREFIX + text, "error_type": "validation"}
    ]


def test_the_answer_may_be_as_long_as_there_is_room_where_nothing_is_said(post, engine):
    post("/generate", {"inputs": "hello", "parameters": {}})
    assert engine.payloads[0]["n_predict"] == 35
