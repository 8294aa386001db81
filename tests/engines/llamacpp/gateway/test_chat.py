import json
import time

import pytest

import zephyr_deploy

HI = [{"role": "user", "content": "hi"}]
CHAT = "/v1/chat/completions"


def test_a_whole_answer(post, engine):
    response = post(CHAT, {"messages": HI, "model": "anything", "temperature": 0})
    answer = response.json()
    assert abs(answer.pop("created") - time.time()) < 5
    assert answer == {
        "object": "chat.completion",
        "id": "",
        "model": "org/model",
        "system_fingerprint": f"{zephyr_deploy.__version__}-native",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi"},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 8, "completion_tokens": 3, "total_tokens": 11},
    }
    assert response.headers["x-prompt-tokens"] == "8"
    assert bytes(token - 3 for token in engine.payloads[0]["prompt"]) == b"user:hi\n"


def test_a_stream(frames):
    *chunks, done = frames(CHAT, {"messages": HI, "stream": True})
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert all(chunk["usage"] is None for chunk in chunks)
    choices = [chunk["choices"][0] for chunk in chunks]
    assert [choice["delta"] for choice in choices] == [
        {"role": "assistant", "content": text, "tool_calls": None} for text in ("H", "i", "")
    ]
    assert [choice["finish_reason"] for choice in choices] == [None, None, "stop"]
    assert all(choice["logprobs"] is None for choice in choices)


def test_a_stream_may_end_without_done(post, frames):
    for path, body in ((CHAT, {"messages": HI}), ("/v1/completions", {"prompt": "a", "max_tokens": 5})):
        events = frames(path, {**body, "stream": True}, limits={"done": False})
        assert events[-1]["choices"][0]["finish_reason"] == "stop"


def test_usage_comes_in_a_chunk_of_its_own_where_asked_for(frames):
    body = {"messages": HI, "stream": True, "stream_options": {"include_usage": True}}
    *chunks, last, done = frames(CHAT, body)
    assert (last["choices"], done) == ([], "[DONE]")
    assert last["usage"] == {"prompt_tokens": 8, "completion_tokens": 3, "total_tokens": 11}
    assert all(chunk["usage"] is None for chunk in chunks)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"temperature": 0}, {"temperature": 0.0}),
        ({"temperature": 0.3, "seed": 4}, {"temperature": 0.3, "seed": 4}),
        ({"seed": 4}, {"temperature": 1.0, "seed": 4}),
        ({"max_tokens": 7}, {"n_predict": 7}),
        ({"max_completion_tokens": 7}, {"n_predict": 7}),
        ({}, {"n_predict": 32}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"top_p": 1.0}, {"top_p": 1.0}),
        ({"presence_penalty": -0.5}, {"repeat_penalty": 1.5}),
        ({"frequency_penalty": 0.5}, {"frequency_penalty": 0.5}),
        ({"stop": ["a", "b"]}, {"stop": ["a", "b"]}),
        ({"stop": "a"}, {"stop": ["a"]}),
        ({"stop": None}, {"stop": []}),
        ({"top_logprobs": 2, "logprobs": True}, {"n_probs": 2}),
        ({"ignore_eos": True}, {"ignore_eos": True}),
    ],
)
def test_each_member_reaches_the_engine(post, engine, given, sent):
    assert post(CHAT, {"messages": HI, **given}).status_code == 200
    assert {key: engine.payloads[0][key] for key in sent} == sent


@pytest.mark.parametrize(("stop_type", "reason"), [("limit", "length"), ("word", "stop_sequence"), ("eos", "stop")])
def test_ends(post, engine, stop_type, reason):
    engine.say("H", stop_type=stop_type, stopping_word="." if stop_type == "word" else "")
    choice = post(CHAT, {"messages": HI, "max_tokens": 1}).json()["choices"][0]
    assert choice["finish_reason"] == reason
    assert choice["message"]["content"] == ("H." if stop_type == "word" else "H")


def test_logprobs(post, frames):
    body = {"messages": HI, "logprobs": True, "top_logprobs": 1}
    content = post(CHAT, body).json()["choices"][0]["logprobs"]["content"]
    assert content[0] == {"token": "H", "logprob": -0.5, "top_logprobs": [{"token": "H", "logprob": -0.5}]}
    assert len(content) == 3
    chunk = frames(CHAT, {**body, "stream": True})[0]
    assert chunk["choices"][0]["logprobs"] == {"content": content[:1]}


def test_what_is_null_is_kept_from_the_template_and_parts_of_text_are_joined(post, engine):
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    messages = [{"role": "user", "content": parts, "name": None}]
    assert post(CHAT, {"messages": messages, "tools": None, "stream_options": None}).status_code == 200
    assert bytes(token - 3 for token in engine.payloads[0]["prompt"]) == b"user:ab\n"


TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("body", "error_type", "text"),
    [
        ({"messages": []}, "validation", "Input validation error: `messages` cannot be empty"),
        ({"messages": IMAGE}, "validation", "Input validation error: image_url modality is not supported"),
        (
            {"messages": HI, "tools": [TOOL]},
            "tool_error",
            "Tool error: the chat template of this model has no tools",
        ),
        (
            {"messages": [{"role": "nobody", "content": "x"}]},
            "template_error",
            "Template error: Jinja: no such role",
        ),
    ],
)
def test_what_cannot_be_rendered_is_refused_with_a_status_in_streams_too(post, body, error_type, text, stream):
    response = post(CHAT, {**body, "stream": stream})
    assert (response.status_code, response.json()) == (422, {"error": text, "error_type": error_type})


def test_tools_that_the_model_could_use_are_refused_honestly(post, engine):
    engine.supports_tools = True
    error = post(CHAT, {"messages": HI, "tools": [TOOL]}).json()["error"]
    assert error == "Tool error: tools are not passed on to the llama.cpp engine"


def test_tools_that_shall_not_be_used_are_no_error(post):
    assert post(CHAT, {"messages": HI, "tools": [TOOL], "tool_choice": "none"}).status_code == 200


def test_a_later_error_is_an_event_before_done(frames):
    body = {"messages": HI, "stream": True, "max_tokens": 0}
    message = "Input validation error: `max_new_tokens` must be strictly positive"
    assert frames(CHAT, body) == [{"error": {"message": message, "http_status_code": 422}}, "[DONE]"]


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("form", "sent"),
    [
        ({"type": "json_object"}, {"type": "object", "properties": {}}),
        ({"type": "json", "value": SCHEMA}, SCHEMA),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}, SCHEMA),
        ({"type": "json_schema", "value": {"name": "n", "schema": SCHEMA}}, SCHEMA),
    ],
)
def test_response_format(post, engine, form, sent):
    engine.say(json.dumps({"a": 1}))
    response = post(CHAT, {"messages": HI, "response_format": form, "temperature": 0})
    assert response.status_code == 200
    assert engine.payloads[0]["grammar"] == f"%llguidance {{}}\nstart: %json {json.dumps(sent)}"


def test_a_response_format_of_text_is_none(post, engine):
    assert post(CHAT, {"messages": HI, "response_format": {"type": "text"}}).status_code == 200
    assert "grammar" not in engine.payloads[0]
