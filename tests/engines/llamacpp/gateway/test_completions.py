PATH = "/v1/completions"


def test_a_whole_answer(post, engine):
    response = post(PATH, {"prompt": "abc", "max_tokens": 8, "temperature": 0})
    answer = response.json()
    assert answer["object"] == "text_completion"
    assert answer["choices"] == [{"index": 0, "text": "Hi", "logprobs": None, "finish_reason": "stop"}]
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
    assert engine.payloads[0]["temperature"] == 0.0


def test_several_prompts_give_as_many_choices_in_order(post, engine):
    response = post(PATH, {"prompt": ["a", "bcd"], "max_tokens": 8})
    assert [choice["index"] for choice in response.json()["choices"]] == [0, 1]
    assert response.json()["usage"] == {"prompt_tokens": 4, "completion_tokens": 6, "total_tokens": 10}
    assert response.headers["x-prompt-tokens"] == "4"
    assert sorted(len(payload["prompt"]) for payload in engine.payloads) == [1, 3]


def test_a_stream_of_several(frames):
    *chunks, done = frames(PATH, {"prompt": ["a", "bcd"], "max_tokens": 8, "stream": True})
    assert done == "[DONE]"
    for index, tokens in ((0, 1), (1, 3)):
        mine = [chunk for chunk in chunks if chunk["choices"][0]["index"] == index]
        assert [chunk["choices"][0]["text"] for chunk in mine] == ["H", "i", ""]
        assert [chunk["choices"][0]["finish_reason"] for chunk in mine] == ["", "", "stop"]
        assert ["usage" in chunk for chunk in mine] == [False, False, True]
        assert mine[-1]["usage"]["prompt_tokens"] == tokens


def test_one_hundred_tokens_unless_said_otherwise(post, engine):
    post(PATH, {"prompt": "a"}, limits={"max_total_tokens": 200})
    assert engine.payloads[0]["n_predict"] == 100


def test_an_answer_that_goes_on_to_its_last_token(post, engine):
    post(PATH, {"prompt": "a", "max_tokens": 4, "ignore_eos": True})
    assert engine.payloads[0]["ignore_eos"] is True


def test_what_tgi_refuses(post):
    suffix = post(PATH, {"prompt": "a", "suffix": "b"})
    assert (suffix.status_code, suffix.json()["error_type"]) == (422, "suffix not supported")
    assert post(PATH, {"prompt": None}).status_code == 422
    many = post(PATH, {"prompt": list("abcde")})
    assert many.status_code == 422
    assert many.json() == {
        "error": "Number of prompts exceeds the maximum allowed batch size of 4",
        "error_type": "batch size exceeded",
    }


def test_one_bad_prompt_fails_the_request(post, frames):
    response = post(PATH, {"prompt": ["a", ""], "max_tokens": 8})
    assert response.json()["error"] == "Input validation error: `inputs` cannot be empty"
    *_, error, done = frames(PATH, {"prompt": ["a", ""], "max_tokens": 8, "stream": True})
    assert error["error"] == {"message": "Input validation error: `inputs` cannot be empty", "http_status_code": 422}
    assert done == "[DONE]"
