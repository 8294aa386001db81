import pytest

from zephyr_deploy.engines.llamacpp.gateway.errors import ApiError
from zephyr_deploy.engines.llamacpp.gateway.grammar import compile_grammar
from zephyr_deploy.engines.llamacpp.gateway.schema import Grammar

SCHEMA = {"type": "object", "properties": {"a": {"type": ["integer", "null"]}}, "$defs": {"b": {"type": "string"}}}


@pytest.mark.parametrize(
    ("kind", "value", "fields"),
    [
        ("json", SCHEMA, {"json_schema": SCHEMA}),
        ("json_object", SCHEMA, {"json_schema": SCHEMA}),
        ("json", '{"properties":{}}', {"json_schema": {"properties": {}}}),
        ("json_schema", {"name": "x", "schema": SCHEMA}, {"json_schema": SCHEMA}),
        ("json_schema", SCHEMA, {"json_schema": SCHEMA}),
        ("regex", "[0-9]+", {"grammar": "%llguidance {}\nstart: /[0-9]+/"}),
        ("regex", r"a/b\/c\\/", {"grammar": "%llguidance {}\nstart: /a\\/b\\/c\\\\\\//"}),
        ("regex", "a\nb", {"grammar": "%llguidance {}\nstart: /a\\nb/"}),
    ],
)
def test_in_the_engines_words(kind, value, fields):
    assert compile_grammar(Grammar(type=kind, value=value)).fields == fields


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("json", 5, "grammar is not supported"),
        ("json", "{", "grammar is not valid: "),
        ("json", {}, "grammar is not valid: Grammar must have a 'properties' field"),
        ("json", {"properties": 3}, "grammar is not valid: properties is not an object"),
        ("json", {"properties": {"a": {"type": "text"}}}, 'grammar is not valid: "text" is not a type of JSON Schema'),
        ("json", {"properties": {"a": {"anyOf": [{"type": "x"}]}}}, 'grammar is not valid: "x" is not a type'),
        ("regex", "(", "grammar is not valid: "),
        ("regex", {"a": 1}, "grammar is not valid: "),
    ],
)
def test_what_is_no_grammar_is_refused(kind, value, text):
    with pytest.raises(ApiError) as refused:
        compile_grammar(Grammar(type=kind, value=value))
    assert (refused.value.status, refused.value.error_type) == (422, "validation")
    assert refused.value.message.startswith("Input validation error: " + text)


REGEX = {"type": "regex", "value": "[0-9]+"}


def test_a_finished_answer_that_breaks_its_grammar_is_an_error(post, frames, engine):
    body = {"inputs": "x", "parameters": {"grammar": REGEX}}
    response = post("/generate", body)
    assert (response.status_code, response.json()["error_type"]) == (424, "generation")
    assert "grammar" in response.json()["error"]
    assert frames("/generate_stream", body)[-1] == response.json()


@pytest.mark.parametrize("text", ["7", "4711"])
def test_an_answer_that_keeps_it_is_an_answer(post, engine, text):
    engine.say(text)
    body = {"inputs": "x", "parameters": {"grammar": REGEX}}
    assert post("/generate", body).json() == {"generated_text": text}


def test_an_answer_cut_short_cannot_be_held_to_it(post, engine):
    engine.say("{", stop_type="limit")
    grammar = {"type": "json", "value": SCHEMA}
    response = post("/generate", {"inputs": "x", "parameters": {"grammar": grammar, "max_new_tokens": 1}})
    assert response.json() == {"generated_text": "{"}
