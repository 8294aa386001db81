import contextlib
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.model.gguf import BLOCKS
from zephyr_deploy.providers.local.weights.gguf import read_header


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.gguf"


def test_a_whole_file_says_what_it_is(path, gguf):
    path.write_bytes(gguf(1024, context=777))
    header = read_header(path)
    assert (header.architecture, header.context_length) == ("llama", 777)
    assert header.needed_bytes == path.stat().st_size


@pytest.mark.parametrize("missing", [1, 4096, 4200])
def test_a_cut_file_is_seen_without_its_digest(path, gguf, missing):
    path.write_bytes(gguf()[:-missing])
    with pytest.raises(ConfigError, match="cut short"):
        read_header(path)


@pytest.mark.parametrize("content", [b"", b"GG", b"<html>not found</html>", b"\x93NUMPY" + b"\0" * 100])
def test_what_is_not_gguf(path, content):
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is not a GGUF file"):
        read_header(path)


@pytest.mark.parametrize("version", [1, 4, 0x03000000])
def test_other_versions_and_byte_orders_are_named(path, gguf, version):
    path.write_bytes(b"GGUF" + struct.pack("<I", version) + gguf()[8:])
    with pytest.raises(ConfigError, match=f"GGUF version {version}"):
        read_header(path)


def test_quantized_blocks():
    """Sizes that the format's own definition gives: Q4_0 is an f16 scale and 32 nibbles, Q8_0 32 bytes, ..."""
    assert BLOCKS[2] == (32, 2 + 16)
    assert BLOCKS[8] == (32, 2 + 32)
    assert BLOCKS[12] == (256, 2 + 2 + 12 + 128)
    assert BLOCKS[14] == (256, 128 + 64 + 16 + 2)


@given(at=st.integers(4, 250), value=st.binary(min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_a_damaged_header_is_our_error_or_harmless(path, gguf, at, value):
    content = bytearray(gguf())
    content[at : at + len(value)] = value
    path.write_bytes(content)
    with contextlib.suppress(ConfigError):
        read_header(path)


@pytest.mark.engine
def test_the_real_model_is_as_long_as_its_header_says(model_path):
    header = read_header(model_path)
    assert header.needed_bytes == model_path.stat().st_size
    assert header.context_length == 8192
