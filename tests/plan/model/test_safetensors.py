"""Headers of safetensors files."""

import contextlib
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan.model.configs import safetensors, tensors

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.model.safetensors import header_bytes, parse

WHOLE = safetensors(tensors())


def header(content):
    length = header_bytes(content, "m.safetensors")
    return parse(content[8 : 8 + length], "m.safetensors")


def described(**about):
    return json.dumps({"t": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8], **about}}).encode()


def test_a_whole_file():
    found = header(WHOLE)
    assert {tensor.name: tensor.shape for tensor in found.tensors} == {k: tuple(s) for k, (_, s) in tensors().items()}
    assert found.file_bytes == len(WHOLE)
    assert sum(tensor.bytes for tensor in found.tensors) == 173_696


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"{", "its header is no JSON"),
        (b"[" * 100_000, "its header is no JSON"),
        (b"[]", "no JSON object"),
        (b'{"t": 3}', "tensor t is not described"),
        (described(data_offsets=[0]), "tensor t is not described"),
        (described(shape=[-2, 2]), "a shape or a place that cannot be"),
        (described(shape=[2.0, 2]), "a shape or a place that cannot be"),
        (described(shape=None), "a shape or a place that cannot be"),
        (described(dtype=7), "a shape or a place that cannot be"),
        (described(data_offsets=[8, 0]), "has -8 bytes"),
        (described(data_offsets=[0, 9]), r"of type BF16 and shape \[2, 2\] has 9 bytes"),
    ],
)
def test_a_damaged_header_is_named(text, why):
    with pytest.raises(ConfigError, match=f"m.safetensors is no whole safetensors file: .*{why}") as caught:
        parse(text, "m.safetensors")
    assert caught.value.hint


def test_a_type_that_nobody_knows_yet_is_taken_as_it_is():
    assert parse(described(dtype="F6_E3M2", data_offsets=[0, 3]), "m").tensors[0].bytes == 3


@pytest.mark.parametrize("prefix", [b"", b"\0" * 7, struct.pack("<Q", 1), struct.pack("<Q", 2**40)])
def test_what_is_no_such_file(prefix):
    with pytest.raises(ConfigError, match="is no whole safetensors file"):
        header_bytes(prefix, "m.safetensors")


@given(at=st.integers(0, 3000), value=st.binary(min_size=1, max_size=8))
@settings(max_examples=100)
def test_damage_is_our_error_or_harmless(at, value):
    content = WHOLE[:at] + value + WHOLE[at + len(value) :]
    with contextlib.suppress(ConfigError):
        header(content)
