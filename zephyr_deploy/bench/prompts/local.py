"""A tokenizer on this machine: a file that is named, or what the hub's cache already has. Nothing is downloaded."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "tokenizer.json"
INSTALL = "pip install 'zephyr-deploy[tokenizer]'"


def find_tokenizer(model_id: str, named: str | None) -> Callable[[str], list[int]] | None:
    """From a text to its tokens, special ones included; None: there is no tokenizer here.

    Args:
        model_id: Whose tokenizer the hub's cache may have.
        named: A tokenizer.json, or a folder with one; None: the cache is looked at.

    Raises:
        UsageError: the one that is named cannot be used: why.
    """
    if named is None:
        path = _cached(model_id) if find_spec("tokenizers") else None
        with suppress(UsageError):  # nobody has asked for this one
            return None if path is None else _encoder(path)
        return None
    path = Path(named)
    path = path / FILE if path.is_dir() else path
    if not path.is_file():
        raise UsageError(f"There is no tokenizer {path}.", hint=f"Give the model's {FILE}, or its folder.")
    if find_spec("tokenizers") is None:
        raise UsageError(f"{path} is read by the package tokenizers, which is not installed.", hint=INSTALL)
    return _encoder(path)


def _cached(model_id: str) -> Path | None:
    """What the hub's library has in its cache; importing that takes longer than all else before a first request."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface")
    folder = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    try:
        model = folder.expanduser() / f"models--{model_id.replace('/', '--')}"
        commit = (model / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError, RuntimeError):  # there is none, or this user has no home
        return None
    path = model / "snapshots" / commit / FILE
    return path if path.is_file() else None


def _encoder(path: Path) -> Callable[[str], list[int]]:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # it raises nothing more special
        raise UsageError(f"{path} is no tokenizer: {error}", hint=f"Give the model's {FILE}.") from error
    return lambda text: list(tokenizer.encode(text).ids)
