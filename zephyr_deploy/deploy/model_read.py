"""From the files of a model to its facts: config.json, and the headers of the files that hold weights."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from zephyr_deploy.errors import ConfigError, UnreachableError
from zephyr_deploy.plan.model import safetensors
from zephyr_deploy.plan.model.config import Reading, outline, read
from zephyr_deploy.plan.model.gguf import HINT, TooShortError, parse
from zephyr_deploy.plan.model.gguf_facts import read_gguf
from zephyr_deploy.plan.model.quantized import BESIDE, beside
from zephyr_deploy.plan.model.weigh import weigh
from zephyr_deploy.providers.local.weights.hub import choose

if TYPE_CHECKING:
    from zephyr_deploy.deploy.model_files import ModelFiles
    from zephyr_deploy.plan.model.facts import Origin
    from zephyr_deploy.plan.model.gguf import Gguf
    from zephyr_deploy.plan.model.weighed import Weighed

CONFIG, SINGLE, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
MOST_JSON = 64 * 2**20
"""Longest JSON file that is read, in bytes; the index of a model of 10^5 tensors has about 10^7."""
FIRST = 128 * 1024
"""Bytes of a safetensors file that are asked for at first: 97 of 100 headers are shorter (huggingface_hub)."""
GGUF_PARTS = (2**20, 2**23, 2**26)
"""Bytes of a GGUF file that are asked for, one after the other, until its header is whole: vocabularies are in it."""
OTHERS = re.compile(r"(?:^|/)(?:adapter|medusa|consolidated|training|optimizer|rng_state|scheduler)|/", re.IGNORECASE)
"""Files of weights that are not the model's, or are it once more."""
OLDER = (".bin", ".pt", ".pth", ".msgpack", ".h5")


class About(NamedTuple):
    """What is known of a model apart from its files."""

    id: str
    revision: str | None = None
    gated: bool = False
    origin: Origin = "hub"


def describe(files: ModelFiles, about: About, file: str | None = None) -> Reading:
    """The facts of the model in these files.

    Args:
        files: Where they are.
        about: What is known of it already.
        file: Which GGUF file is meant; None: the only one, where there is no config.json.

    Raises:
        ConfigError: there is no config.json and no GGUF file, or one of the files is damaged, or says what cannot be.
        CredentialsError: the hub does not show the files.
        UnreachableError: the hub does not answer.
    """
    ggufs = [name for name in files.sizes if name.lower().endswith(".gguf")]
    if file is not None or (ggufs and CONFIG not in files.sizes):
        name = choose(about.id, ggufs, file)
        return read_gguf(_gguf(files, name), name, **about._asdict())
    if CONFIG not in files.sizes:
        raise _without_config(files, about.id)
    config = _config(files, about.id)
    weights, notes = _weights(files, config, about.id)
    reading = read(config, weights=weights, **about._asdict())
    return Reading(reading.facts, (*reading.notes, *notes))


def _config(files: ModelFiles, model: str) -> dict[str, Any]:
    """config.json, with what older tools wrote into a file beside it."""
    config = _json(files, CONFIG, model)
    for name in BESIDE:
        if name in files.sizes and config.get("quantization_config") is None:
            config["quantization_config"] = beside(name, _json(files, name, model))
    return config


def _json(files: ModelFiles, name: str, model: str) -> dict[str, Any]:
    raw = files.read(name, MOST_JSON)
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{model}: {name} is no JSON", hint=safetensors.HINT) from error
    if not isinstance(found, dict):
        raise ConfigError(f"{model}: {name} is no JSON object", hint=safetensors.HINT)
    return found


def _weights(files: ModelFiles, config: dict[str, Any], model: str) -> tuple[Weighed | None, tuple[str, ...]]:
    """What the headers add up to; None, and why, where there are none, or the hub takes too long."""
    names = _weight_files(files, model)
    if not names:
        older = next((name for name in files.sizes if name.endswith(OLDER)), None)
        what = f"only files of older kinds, such as {older}" if older else "no files of weights"
        return None, (f"{model} has no safetensors file, but {what}: its parameters are counted by its shape.",)
    layers, tied, quantization = outline(config, model)
    try:
        headers = _headers(files, names)
    except UnreachableError as error:
        return None, (f"The headers of the weights could not be read ({error}): parameters are counted by the shape.",)
    tensors = (tensor for header in headers for tensor in header.tensors)
    return weigh(tensors, quantization=quantization, layers=layers, tied=tied, files=len(names)), ()


def _weight_files(files: ModelFiles, model: str) -> list[str]:
    """As engines choose them: one file, or those of the index, or whatever else is there."""
    if SINGLE in files.sizes:
        return [SINGLE]
    if INDEX in files.sizes:
        listed = _json(files, INDEX, model).get("weight_map")
        names = sorted({str(name) for name in listed.values()}) if isinstance(listed, dict) else []
        missing = [name for name in names if name not in files.sizes]
        if missing or not names:
            said = f"names {missing[0]}, which is not there" if missing else "names no files"
            raise ConfigError(f"{model}: {INDEX} {said}", hint=safetensors.HINT)
        return names
    found = sorted(name for name in files.sizes if name.endswith(".safetensors"))
    return [name for name in found if not OTHERS.search(name)] or [name for name in found if "consolidated" in name]


def _headers(files: ModelFiles, names: list[str]) -> list[safetensors.Header]:
    """Of all these files; the first that fails ends it.

    Raises:
        ZephyrError: as `_header`.
    """
    pool = ThreadPoolExecutor(files.at_once)
    try:
        return list(pool.map(lambda name: _header(files, name), names))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _header(files: ModelFiles, name: str) -> safetensors.Header:
    """The header of one file, which is as long as that says.

    Raises:
        ConfigError: it is damaged, or cut short.
    """
    first = files.read(name, FIRST)
    length = safetensors.header_bytes(first, name)
    text = first[safetensors.PREFIX : safetensors.PREFIX + length]
    if len(text) < length:
        text += files.read(name, length - len(text), safetensors.PREFIX + len(text))
    if len(text) < length:
        raise safetensors.damaged(name, "it ends within its header")
    header = safetensors.parse(text, name)
    size = files.sizes[name]
    if size is not None and size < header.file_bytes:
        raise safetensors.damaged(name, f"it has {size} bytes of {header.file_bytes}")
    return header


def _gguf(files: ModelFiles, name: str) -> Gguf:
    data = b""
    for most in GGUF_PARTS:
        data += files.read(name, most - len(data), len(data))
        try:
            header = parse(data, name)
        except TooShortError:
            if len(data) < most:
                break
            continue
        size = files.sizes[name]
        if size is not None and size < header.needed_bytes:
            raise ConfigError(f"{name} is cut short: it has {size} of {header.needed_bytes} bytes", hint=HINT)
        return header
    raise ConfigError(f"{name} ends within its header, or has one of more than {GGUF_PARTS[-1] >> 20} MiB", hint=HINT)


def _without_config(files: ModelFiles, model: str) -> ConfigError:
    names = files.sizes
    if "adapter_config.json" in names:
        hint = "Plan with the model that it was trained on: base_model_name_or_path in adapter_config.json."
        return ConfigError(f"{model} is an adapter, and not a whole model", hint=hint)
    if "params.json" in names:
        hint = "Look for the same model with a config.json; its name may end in -hf."
        return ConfigError(f"{model} has no config.json: it is in the format of its makers", hint=hint)
    return ConfigError(f"{model} has no config.json", hint="Check model.id: engines cannot serve it either.")
