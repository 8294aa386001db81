"""From an endpoint to a vocabulary: who counts there, asked once and remembered by model."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from zephyr_deploy.bench.prompts import counters
from zephyr_deploy.bench.prompts.local import find_tokenizer
from zephyr_deploy.bench.prompts.measuring import measure, still_true
from zephyr_deploy.bench.prompts.vocabulary import Vocabulary, estimated, words
from zephyr_deploy.endpoint.plain import opened
from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.paths import counts_dir, private_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.prompts.counters import Asked, Counter
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.endpoint.types import Endpoint
    from zephyr_deploy.spec.base import EngineName

COUNT_S = 15.0
"""Longest time in which tokens are counted, in seconds; then lengths are estimated."""
READ_S = 5.0
"""Longest wait for one answer, in seconds."""
ROUTES: dict[EngineName, tuple[type[counters.ServerCounter], ...]] = {
    "tgi": (counters.TgiCounter,),
    "vllm": (counters.VllmCounter,),
    "sglang": (counters.SglangCounter,),
    # The gateway of the embedded engine speaks TGI's API; a llama.cpp that somebody else runs has its own.
    "llamacpp": (counters.TgiCounter, counters.LlamaCounter),
}


class Counted(NamedTuple):
    """What prompts are made of, and why their lengths are no exact ones (empty: they are)."""

    vocabulary: Vocabulary
    doubt: str = ""


def count_words(endpoint: Endpoint, spec: BenchSpec) -> Counted:
    """Words whose tokens are known: by the tokenizer that ``spec`` names, else by the server, else by one that is here.

    Raises:
        UsageError: the tokenizer that ``spec`` names cannot be read.
    """
    doubt = "nobody here knows this model's tokens"
    with opened(endpoint, read_s=READ_S) as ask:
        for counter, file in _counters(endpoint, spec, counters.Asked(ask, endpoint, COUNT_S)):
            try:
                found = _remembered(counter, file)
            except ZephyrError as error:
                doubt = f"the tokens could not be counted: {error.message}"
                continue
            if found.counted_by != "estimate":
                return Counted(found)
            return Counted(found, "too few of the words are one token to this model, whatever stands beside them")
    return Counted(estimated(), doubt)


def _counters(endpoint: Endpoint, spec: BenchSpec, asked: Asked) -> Iterator[tuple[Counter, Path | None]]:
    """Who may be asked, best first, and where the answer is kept; a tokenizer is looked for when it is needed."""
    chat = spec.client == "openai"
    if spec.tokenizer is None:
        for route in ROUTES[endpoint.engine]:
            yield route(asked, chat=chat), _file(endpoint, route.__name__, chat=chat)
    encode = find_tokenizer(endpoint.model_id, spec.tokenizer)
    if encode is not None:
        yield counters.LocalCounter(encode, asked, chat=chat), None


def _remembered(counter: Counter, file: Path | None) -> Vocabulary:
    """What was counted before, if the server still counts a prompt so; else counted anew.

    Raises:
        ZephyrError: the counter cannot count.
    """
    with suppress(OSError, ValidationError):
        known = Vocabulary.model_validate_json(file.read_bytes()) if file else None
        if known is not None and known.openings and still_true(counter, known):
            return known
    found = measure(counter)
    if file is not None and found.openings:
        with suppress(OSError, ZephyrError):  # it is only quicker next time
            _write(file, found.model_dump_json())
    return found


def _file(endpoint: Endpoint, name: str, *, chat: bool) -> Path | None:
    """Among the models, with which ``down --purge`` takes it away."""
    what = "\n".join((endpoint.engine, endpoint.model_id, name, str(chat), *words()))
    with suppress(ZephyrError):
        return counts_dir() / f"{hashlib.sha256(what.encode()).hexdigest()[:24]}.json"
    return None


def _write(file: Path, text: str) -> None:
    """Whole or not at all: another benchmark may read it meanwhile."""
    with tempfile.NamedTemporaryFile("w", dir=private_dir(file.parent), delete=False, encoding="utf-8") as part:
        part.write(text)
    Path(part.name).replace(file)
