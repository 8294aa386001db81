"""Reads the header of a GGUF file: enough to say what it is, and whether the file is whole.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

MAGIC = b"GGUF"
VERSIONS = {2, 3}
DEFAULT_ALIGNMENT = 32
MIN_SIZE = 24
"""Magic, version and the two counts."""
MAX_DIMS = 4
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


@dataclass(frozen=True)
class GgufHeader:
    """What a GGUF file says of itself."""

    architecture: str
    context_length: int | None
    """Tokens that the model was trained for; None where it does not say."""
    needed_bytes: int
    """How long the file must be at least."""


@dataclass
class _Reader:
    data: mmap.mmap
    at: int = 0
    facts: dict[str, object] = field(default_factory=dict)

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

    def value(self) -> object:
        kind = self.take("I")
        if kind == ARRAY:
            self.skip_array()
            return None
        return self.text() if kind == STRING else self.take(SCALARS[kind])

    def skip_array(self) -> None:
        """Pass over an array: none of them is needed here, and vocabularies are long."""
        kind, length = self.take("I"), self.take("Q")
        if kind != STRING:
            self.at += struct.calcsize(SCALARS[kind]) * length
            return
        for _ in range(length):
            size = self.take("Q")
            self.at += size

    def tensor_end(self) -> int:
        """Where a tensor ends, in bytes from the start of the data; a lower bound for types not known here."""
        self.text()
        dims = self.take("I")
        if dims > MAX_DIMS:
            raise struct.error("a tensor has too many dimensions")
        elements = math.prod(self.take("Q") for _ in range(dims))
        per_block, size = BLOCKS.get(self.take("I"), (1, 0))
        return self.take("Q") + elements // per_block * size


def read_header(path: Path) -> GgufHeader:
    """Read the header of the GGUF file ``path`` and check the file's size against it.

    Raises:
        ConfigError: it is no GGUF file, of a version that the engine does not read, or cut short.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ConfigError(f"{path} is not a GGUF file", hint=HINT)
        if size < MIN_SIZE:
            raise _cut_short(path, size)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                header = _parse(path, _Reader(data, at=len(MAGIC)))
            except struct.error as error:
                raise _cut_short(path, size) from error
            except (KeyError, OverflowError) as error:
                raise ConfigError(f"{path} has a damaged GGUF header", hint=HINT) from error
    if size < header.needed_bytes:
        raise _cut_short(path, size, header.needed_bytes)
    return header


def _parse(path: Path, reader: _Reader) -> GgufHeader:
    version = reader.take("I")
    if version not in VERSIONS:
        raise ConfigError(f"{path} is GGUF version {version}; the engine reads little-endian 2 and 3", hint=HINT)
    tensors, facts = reader.take("Q"), reader.take("Q")
    known = {reader.text(): reader.value() for _ in range(facts)}
    end = max((reader.tensor_end() for _ in range(tensors)), default=0)
    alignment = known.get("general.alignment")
    step = alignment if isinstance(alignment, int) and alignment > 0 else DEFAULT_ALIGNMENT
    architecture = str(known.get("general.architecture", "unknown"))
    context = known.get(f"{architecture}.context_length")
    return GgufHeader(
        architecture=architecture,
        context_length=context if isinstance(context, int) else None,
        needed_bytes=-(-reader.at // step) * step + end,
    )


def _cut_short(path: Path, size: int, needed: int | None = None) -> ConfigError:
    of = f" of at least {needed}" if needed else ", and ends within its header"
    return ConfigError(f"{path} is cut short: it has {size} bytes{of}", hint=HINT)
