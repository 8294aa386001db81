"""TGI renders Zephyr's own chat template wrongly; the shipped one renders alike everywhere."""

import json
from pathlib import Path

import jinja2
import minijinja
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zephyr_deploy.engines.tgi.template import ZEPHYR_TOKENIZER, tokenizer_config, zephyr_template

ORIGINAL = Path(__file__).with_name("data") / "zephyr_original.jinja"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
TRANSFORMERS = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
TGI = minijinja.Environment()

CONVERSATIONS = {
    "one question": [("user", "HI")],
    "system and question": [("system", "SYS"), ("user", "HI")],
    "a whole turn": [("user", "HI"), ("assistant", "Hello."), ("user", "Bye")],
    "lines and spaces": [("system", "\n  SYS\n\n"), ("user", "  HI \n")],
    "markup": [("user", '<b>"x" & {{ y }} {% z %} {# c #}</b>')],
    "nothing": [("user", "")],
}


def as_tgi(template: str, messages, *, ask: bool = True) -> str:
    return TGI.render_str(template, messages=messages, add_generation_prompt=ask, **TOKENS)


def as_transformers(template: str, messages, *, ask: bool = True) -> str:
    return TRANSFORMERS.from_string(template).render(messages=messages, add_generation_prompt=ask, **TOKENS)


def original() -> str:
    return ORIGINAL.read_text(encoding="utf-8").rstrip("\n")


def turns(pairs):
    return [{"role": role, "content": content} for role, content in pairs]


def test_tgi_adds_blank_lines_to_the_original():
    messages = turns(CONVERSATIONS["system and question"])
    assert as_tgi(original(), messages) == "\n\n<|system|>\nSYS</s>\n\n\n\n\n<|user|>\nHI</s>\n\n\n<|assistant|>\n\n"
    assert as_transformers(original(), messages) == "<|system|>\nSYS</s>\n<|user|>\nHI</s>\n<|assistant|>\n"


@pytest.mark.parametrize("pairs", CONVERSATIONS.values(), ids=CONVERSATIONS.keys())
@pytest.mark.parametrize("ask", [True, False])
def test_ours_renders_alike_and_is_the_original_with_bos(pairs, ask):
    messages = turns(pairs)
    ours = as_tgi(zephyr_template(), messages, ask=ask)
    assert ours == as_transformers(zephyr_template(), messages, ask=ask)
    assert ours == "<s>" + as_transformers(original(), messages, ask=ask)
    assert as_tgi(original(), messages, ask=ask) != as_transformers(original(), messages, ask=ask)


ROLES = st.sampled_from(["system", "user", "assistant"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(st.tuples(ROLES, TEXTS), min_size=1, max_size=5), st.booleans())
@settings(max_examples=100)
def test_ours_renders_any_text_alike(pairs, ask):
    messages = turns(pairs)
    expected = "<s>" + "".join(f"<|{role}|>\n{text}</s>\n" for role, text in pairs) + ("<|assistant|>\n" if ask else "")
    assert as_tgi(zephyr_template(), messages, ask=ask) == expected
    assert as_transformers(zephyr_template(), messages, ask=ask) == expected


def test_a_role_that_zephyr_does_not_know_is_left_out():
    assert as_tgi(zephyr_template(), turns([("tool", "x"), ("user", "y")])) == "<s><|user|>\ny</s>\n<|assistant|>\n"


def test_the_override_is_the_whole_tokenizer_config():
    written = json.loads(tokenizer_config(zephyr_template()))
    assert written == {**ZEPHYR_TOKENIZER, "chat_template": zephyr_template()}
    messages = turns(CONVERSATIONS["one question"])
    tokens = {key: written[key] for key in ("bos_token", "eos_token")}
    rendered = TGI.render_str(written["chat_template"], messages=messages, add_generation_prompt=True, **tokens)
    assert rendered == "<s><|user|>\nHI</s>\n<|assistant|>\n"


def test_the_override_keeps_what_the_model_says_itself():
    base = {"tokenizer_class": "X", "bos_token": {"content": "<b>"}, "chat_template": "old"}
    assert json.loads(tokenizer_config("new", base)) == {**base, "chat_template": "new"}
