"""Reads the header of a safetensors file: which tensors it holds, of what type and shape.

Format: https://huggingface.co/docs/safetensors/index#format. A number of 8 bytes, little-endian, says how long the JSON
behind it is; the tensors' bytes follow.
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any, NamedTuple

from zephyr_deploy.errors import ConfigError

PREFIX = 8
"""Bytes of the number in front."""
MOST = 100_000_000
"""Longest header that the format's own library reads, in bytes."""
BITS = {
    "F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I8": 8, "U8": 8, "BOOL": 8, "F4": 4,
}  # fmt: skip
"""Of an element, by type."""
LFS = b"version https://git-lfs"
"""How the note begins that git leaves where it did not fetch a large file."""
HINT = "Download the file again (`hf download`), or plan with another model or revision."


class Tensor(NamedTuple):
    """One tensor of a file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int

    @property
    def elements(self) -> int:
        """Packed ones count as one."""
        return math.prod(self.shape)


class Header(NamedTuple):
    """What a file holds."""

    tensors: tuple[Tensor, ...]
    file_bytes: int
    """How long the file has to be."""


def header_bytes(prefix: bytes, name: str) -> int:
    """How many bytes of JSON follow the first eight.

    Args:
        prefix: The first bytes of the file, eight or more.
        name: Of the file, for messages.

    Raises:
        ConfigError: it is no safetensors file.
    """
    if prefix.startswith(LFS):
        said = f"{name} is a note of git-lfs, and not the file itself"
        raise ConfigError(said, hint="Fetch the large files: git lfs pull")
    if len(prefix) < PREFIX:
        raise damaged(name, "it ends within its first 8 bytes")
    length = int(struct.unpack_from("<Q", prefix)[0])
    if not 2 <= length <= MOST:  # noqa: PLR2004 - {} is the shortest JSON object
        raise damaged(name, f"a header of {length} bytes cannot be")
    return length


def parse(text: bytes, name: str) -> Header:
    """The header that is in these bytes.

    Args:
        text: The JSON alone, as long as `header_bytes` says.
        name: Of the file, for messages.

    Raises:
        ConfigError: it is cut short or damaged.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(name, "its header is no JSON") from error
    if not isinstance(found, dict):
        raise damaged(name, "its header is no JSON object")
    found.pop("__metadata__", None)
    tensors, end = [], 0
    for key, about in found.items():
        tensor, last = _tensor(key, about, name)
        tensors.append(tensor)
        end = max(end, last)
    return Header(tuple(tensors), PREFIX + len(text) + end)


def _tensor(key: str, about: Any, name: str) -> tuple[Tensor, int]:
    """A tensor, and where it ends within the data."""
    try:
        dtype, shape, (start, end) = about["dtype"], about["shape"], about["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(name, f"tensor {key} is not described") from error
    numbers = [*shape, start, end] if isinstance(shape, list) else [None]
    if not all(type(number) is int and number >= 0 for number in numbers) or not isinstance(dtype, str):
        raise damaged(name, f"tensor {key} has a shape or a place that cannot be")
    tensor = Tensor(key, dtype, tuple(shape), end - start)
    bits = BITS.get(dtype)
    if tensor.bytes < 0 or (bits and math.ceil(tensor.elements * bits / 8) != tensor.bytes):
        raise damaged(name, f"tensor {key} of type {dtype} and shape {shape} has {tensor.bytes} bytes")
    return tensor, end


def damaged(name: str, why: str) -> ConfigError:
    """The error that names a file."""
    return ConfigError(f"{name} is no whole safetensors file: {why}", hint=HINT)
