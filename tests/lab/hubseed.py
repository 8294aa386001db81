"""What lies in the lab's hub: Zephyr's descriptions around the weights of a model that a laptop can run.

``model-00001-of-00002.safetensors`` holds the whole GGUF file of SmolLM2-135M-Instruct, which the TGI image of the
lab loads as it is; ``model-00002-of-00002.safetensors`` is 64 KiB of nothing, so that there are two to download.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from lab.tar import tar

from zephyr_deploy.engines.tgi.template import ZEPHYR_TOKENIZER

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = Path(__file__).parent / "hubdata"
DEFECTIVE = Path(__file__).parent.parent / "engines" / "data" / "zephyr_original.jinja"
ZEPHYR = "HuggingFaceH4/zephyr-7b-beta"
AWQ = "TheBloke/zephyr-7B-beta-AWQ"
GATED = "lab/zephyr-gated"
TAIL = bytes(64 * 1024)


def hub_files(weights: Path) -> bytes:
    """The hub's folder as a tar, for /srv/hub."""
    config = json.loads((DATA / "config.json").read_text())
    quantized = {
        **config,
        "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True},
    }
    blobs: dict[str, bytes | str] = {
        "model": weights.read_bytes(),
        "tail": TAIL,
        "index.json": _index(weights.stat().st_size),
        "config.json": json.dumps(config, indent=2),
        "awq.json": json.dumps(quantized, indent=2),
        "tokenizer_config.json": json.dumps(_tokenizer(), indent=2),
        "generation_config.json": (DATA / "generation_config.json").read_bytes(),
        "README.md": (DATA / "README.md").read_bytes(),
    }
    files = {f"/srv/hub/blobs/{name}": content for name, content in blobs.items()}
    files["/srv/hub/repositories.json"] = json.dumps(_repositories())
    return tar(files)


def _repositories() -> Mapping[str, object]:
    about = {
        name: f"blobs/{name}"
        for name in ("README.md", "config.json", "generation_config.json", "tokenizer_config.json")
    }
    sharded = {
        **about,
        "model-00001-of-00002.safetensors": "blobs/model",
        "model-00002-of-00002.safetensors": "blobs/tail",
        "model.safetensors.index.json": "blobs/index.json",
    }
    return {
        ZEPHYR: {"gated": False, "files": sharded},
        GATED: {"gated": True, "files": sharded},
        AWQ: {"gated": False, "files": {**about, "config.json": "blobs/awq.json", "model.safetensors": "blobs/model"}},
    }


def _tokenizer() -> Mapping[str, object]:
    return {**ZEPHYR_TOKENIZER, "chat_template": DEFECTIVE.read_text()}


def _index(size: int) -> str:
    return json.dumps(
        {"metadata": {"total_size": size}, "weight_map": {"lm_head.weight": "model-00002-of-00002.safetensors"}}
    )
