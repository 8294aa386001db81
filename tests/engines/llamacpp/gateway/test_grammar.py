import json

import pytest

from zephyr_deploy.engines.llamacpp.gateway.errors import ApiError
from zephyr_deploy.engines.llamacpp.gateway.grammar import compile_grammar
from zephyr_deploy.engines.llamacpp.gateway.schema import Grammar

SCHEMA = {"type": "object", "properties": {"a": {"type": ["integer", "null"]}}, "$defs": {"b": {"type": "string"}}}
JSON = "%llguidance {}\nstart: %json "
INTEGER = {"type": "integer"}


@pytest.mark.parametrize(
    ("kind", "value", "schema"),
    [
        ("json", SCHEMA, SCHEMA),
        ("json_object", SCHEMA, SCHEMA),
        ("json_schema", {"name": "x", "schema": SCHEMA}, SCHEMA),
        ("json_schema", SCHEMA, SCHEMA),
        ("json", '{"properties":{}}', {"type": "object", "properties": {}}),
        ("json", {"type": ["object", "null"], "properties": {}}, {"type": ["object", "null"], "properties": {}}),
        (
            "json",
            {"properties": {"properties": INTEGER, "in": {"anyOf": [{"properties": {"a": INTEGER}}, INTEGER]}}},
            {
                "type": "object",
                "properties": {
                    "properties": INTEGER,
                    "in": {"anyOf": [{"type": "object", "properties": {"a": INTEGER}}, INTEGER]},
                },
            },
        ),
    ],
)
def test_schemas_in_the_engines_words(kind, value, schema):
    text = compile_grammar(Grammar(type=kind, value=value)).text
    assert text.startswith(JSON)
    assert json.loads(text.removeprefix(JSON)) == schema


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("[0-9]+", "%llguidance {}\nstart: /[0-9]+/"),
        (r"a/b\/c\\/", "%llguidance {}\nstart: /a\\/b\\/c\\\\\\//"),
        ("a\nb", "%llguidance {}\nstart: /a\\nb/"),
    ],
)
def test_regular_expressions_in_the_engines_words(value, text):
    assert compile_grammar(Grammar(type="regex", value=value)).text == text


def nested(depth):
    schema = INTEGER
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return {"type": "object", "properties": {"a": schema}}


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("json", 5, "grammar is not supported"),
        ("json", "{", "grammar is not valid: "),
        ("json", "[" * 100_000, "grammar is not valid: "),
        ("json", {}, "grammar is not valid: Grammar must have a 'properties' field"),
        (
            "json",
            {"properties": 3},
            "grammar is not valid: failed to compile JSON schema: properties must be an object",
        ),
        (
            "json",
            {"properties": {"a": {"type": "text"}}},
            "grammar is not valid: failed to compile JSON schema: Invalid",
        ),
        ("json", {"properties": {"a": {"anyOf": [{"type": "x"}]}}}, "grammar is not valid: failed to compile"),
        (
            "json",
            {"properties": {}, "type": {"a": 1}},
            "grammar is not valid: failed to compile JSON schema: type must",
        ),
        ("json", {"properties": {}, "type": [["x"]]}, "grammar is not valid: failed to compile JSON schema: type"),
        ("json", nested(400), "grammar is not valid: "),
        ("json", nested(5000), "grammar is not valid: "),
        ("regex", "(", "grammar is not valid: unclosed group"),
        ("regex", {"a": 1}, "grammar is not valid: a regular expression is a string"),
        ("regex", "(?=a)a", "grammar is not valid: look-around"),
        ("regex", r"\bfoo\b", "grammar is not valid: "),
        ("regex", r"(a)\1", "grammar is not valid: backreferences are not supported"),
        ("regex", "a{99999999999999999999}", "grammar is not valid: decimal literal"),
        ("regex", "(" * 600 + "a" + ")" * 600, "grammar is not valid: "),
    ],
)
def test_what_is_no_grammar_or_none_that_the_engine_keeps_is_refused(kind, value, text):
    with pytest.raises(ApiError) as refused:
        compile_grammar(Grammar(type=kind, value=value))
    assert (refused.value.status, refused.value.error_type) == (422, "validation")
    assert refused.value.message.startswith("Input validation error: " + text)
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("answer", "finished", "allowed"),
    [
        ('{"a": 1}', True, True),
        ('{"a": 1', True, False),
        ('{"a": 1', False, True),
        ('{"a": "', False, False),
        ("5", True, False),
        ('{"a": 1}x', False, False),
    ],
)
def test_answers_are_held_to_the_schema(answer, finished, allowed):
    schema = {"properties": {"a": INTEGER}, "required": ["a"]}
    assert compile_grammar(Grammar(type="json", value=schema)).allows(answer, finished=finished) is allowed


def test_a_character_that_a_limit_cut_is_not_held_against_the_answer():
    grammar = compile_grammar(Grammar(type="regex", value="é+"))
    assert grammar.allows("é\ufffd", finished=False)
    assert not grammar.allows("é\ufffd", finished=True)


def test_no_expression_makes_the_check_slow():
    """Python's own ``re`` takes 2 to the power of 40 steps for this, on the loop that serves everybody."""
    grammar = compile_grammar(Grammar(type="regex", value="(a|aa){24}(a|aa|b)*c"))
    assert grammar.allows("a" * 2000, finished=False)
    assert not grammar.allows("a" * 2000, finished=True)


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


@pytest.mark.parametrize(("text", "status"), [("{", 200), ("x", 424)])
def test_an_answer_cut_short_may_still_become_what_was_asked_for(post, engine, text, status):
    engine.say(text, stop_type="limit")
    grammar = {"type": "json", "value": SCHEMA}
    response = post("/generate", {"inputs": "x", "parameters": {"grammar": grammar, "max_new_tokens": 1}})
    assert response.status_code == status


def test_a_stop_sequence_may_end_it_before_its_time(post, frames, engine):
    parameters = {"grammar": {"type": "json", "value": SCHEMA}, "stop": [":"]}
    engine.say('{"a"', stop_type="word", stopping_word=":")
    assert post("/generate", {"inputs": "x", "parameters": parameters}).json() == {"generated_text": '{"a":'}
    engine.say('{"a": 1}')
    assert frames("/generate_stream", {"inputs": "x", "parameters": parameters})[-1]["generated_text"] == '{"a":'
