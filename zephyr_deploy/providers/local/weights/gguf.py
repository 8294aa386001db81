"""Reads the header of a GGUF file on this machine, and sees whether the file is whole."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.model.gguf import HINT, MAGIC, TooShortError, parse

if TYPE_CHECKING:
    from pathlib import Path

MIN_SIZE = 24
"""Magic, version and the two counts."""


@dataclass(frozen=True)
class GgufHeader:
    """What a GGUF file says of itself."""

    architecture: str
    context_length: int | None
    """Tokens that the model was trained for; None where it does not say."""
    needed_bytes: int
    """How long the file must be at least."""


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
                header = parse(data, str(path))
            except TooShortError as error:
                raise _cut_short(path, size) from error
    if size < header.needed_bytes:
        raise _cut_short(path, size, header.needed_bytes)
    return GgufHeader(header.architecture, header.number("context_length"), header.needed_bytes)


def _cut_short(path: Path, size: int, needed: int | None = None) -> ConfigError:
    of = f" of at least {needed}" if needed else ", and ends within its header"
    return ConfigError(f"{path} is cut short: it has {size} bytes{of}", hint=HINT)
