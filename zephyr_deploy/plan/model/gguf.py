"""Reads the header of a GGUF file: what it says of its model, and the tensors it holds.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.errors import ConfigError

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping

MAGIC = b"GGUF"
VERSIONS = {2, 3}
DEFAULT_ALIGNMENT = 32
MAX_DIMS = 4
KEPT = 4096
"""Longest array of numbers whose values are kept; of others, vocabularies among them, the length is."""
STRING, ARRAY = 8, 9
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""Metadata value types, as `struct` formats."""
# fmt: off
BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17),
}
# fmt: on
"""Tensor type to (elements, bytes) of a block: GGML_QUANT_SIZES in llama.cpp's gguf-py/gguf/constants.py."""
HINT = "Give --model another GGUF file, or copy or download this one again."


class TooShortError(Exception):
    """The bytes end within the header."""


class Array(NamedTuple):
    """An array of the metadata."""

    length: int
    values: tuple[int, ...] = ()
    """Empty where they are texts, or too many."""


class GgufTensor(NamedTuple):
    """One tensor of a file."""

    name: str
    elements: int
    bytes: int
    """0 for a type that is not known here."""
    offset: int


class Gguf(NamedTuple):
    """What a file says of itself."""

    facts: Mapping[str, str | int | Array]
    """Metadata, by key; numbers are whole."""
    tensors: tuple[GgufTensor, ...]
    needed_bytes: int
    """How long the file must be at least."""

    @property
    def architecture(self) -> str:
        """As llama.cpp calls it."""
        return str(self.facts.get("general.architecture", "unknown"))

    def number(self, key: str) -> int | None:
        """A number under this key of the architecture's own; None where there is none."""
        found = self.facts.get(f"{self.architecture}.{key}")
        return found if isinstance(found, int) else None


def parse(data: bytes | mmap.mmap, name: str) -> Gguf:
    """The header at the beginning of these bytes.

    Args:
        data: A file, or as much of its beginning as there is.
        name: Of the file, for messages.

    Raises:
        TooShortError: the bytes end within the header.
        ConfigError: they are not of a GGUF file, of a version that engines do not read, or damaged.
    """
    if data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise ConfigError(f"{name} is not a GGUF file", hint=HINT)
    try:
        return _parse(_Reader(data, at=len(MAGIC)), name)
    except struct.error as error:
        raise TooShortError from error
    except (KeyError, OverflowError) as error:
        raise ConfigError(f"{name} has a damaged GGUF header", hint=HINT) from error


@dataclass
class _Reader:
    data: bytes | mmap.mmap
    at: int = 0

    def take(self, form: str) -> int:
        """One little-endian number (whole numbers are all that is asked for)."""
        value = struct.unpack_from("<" + form, self.data, self.at)[0]
        self.at += struct.calcsize("<" + form)
        return int(value) if math.isfinite(value) else 0

    def text(self) -> str:
        length = self.take("Q")
        if length > len(self.data) - self.at:
            raise struct.error("a text is longer than the file")
        raw = self.data[self.at : self.at + length]
        self.at += length
        return raw.decode(errors="replace")

    def value(self) -> str | int | Array:
        kind = self.take("I")
        if kind == ARRAY:
            return self.array()
        return self.text() if kind == STRING else self.take(SCALARS[kind])

    def array(self) -> Array:
        """Values of short ones; longer ones, and texts, are passed over."""
        kind, length = self.take("I"), self.take("Q")
        if kind == STRING:
            for _ in range(length):
                size = self.take("Q")
                self.at += size
            return Array(length)
        form = SCALARS[kind]
        if length <= KEPT:
            return Array(length, tuple(self.take(form) for _ in range(length)))
        self.at += struct.calcsize(form) * length
        return Array(length)

    def tensor(self) -> GgufTensor:
        """The size of a type that is not known here is left out."""
        name, dims = self.text(), self.take("I")
        if dims > MAX_DIMS:
            raise struct.error("a tensor has too many dimensions")
        elements = math.prod(self.take("Q") for _ in range(dims))
        per_block, size = BLOCKS.get(self.take("I"), (1, 0))
        return GgufTensor(name, elements, elements // per_block * size, self.take("Q"))


def _parse(reader: _Reader, name: str) -> Gguf:
    version = reader.take("I")
    if version not in VERSIONS:
        raise ConfigError(f"{name} is GGUF version {version}; the engine reads little-endian 2 and 3", hint=HINT)
    tensors, facts = reader.take("Q"), reader.take("Q")
    known = {reader.text(): reader.value() for _ in range(facts)}
    found = tuple(reader.tensor() for _ in range(tensors))
    end = max((tensor.offset + tensor.bytes for tensor in found), default=0)
    alignment = known.get("general.alignment")
    step = alignment if isinstance(alignment, int) and alignment > 0 else DEFAULT_ALIGNMENT
    return Gguf(known, found, -(-reader.at // step) * step + end)
