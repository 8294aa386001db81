"""Weights in the cache of Hugging Face's own library, downloaded by it where they are missing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.tgi.log import Log

TRIES = 5
PAUSE_S = 5.0
SMALL = ("config.json", "tokenizer_config.json", "generation_config.json")
NOT_WEIGHTS = ("arguments", "args", "training")


def snapshot(model_id: str, revision: str | None) -> Path | None:
    """Folder of the model's files: a local one, or the cache's for that revision; None where there is none."""
    from huggingface_hub import constants

    if Path(model_id).is_dir():
        return Path(model_id)
    repository = Path(constants.HF_HUB_CACHE) / f"models--{model_id.replace('/', '--')}"
    reference = repository / "refs" / (revision or "main")
    commit = reference.read_text().strip() if reference.is_file() else (revision or "main")
    folder = repository / "snapshots" / commit
    return folder if folder.is_dir() else None


def weight_files(folder: Path) -> list[Path]:
    """The model's weights in a folder, in order."""
    return [path for path in sorted(folder.glob("*.safetensors")) if _are_weights(path.name)]


def download(model_id: str, revision: str | None, out: Log) -> None:
    """Fetch the weights unless they are there; one file after another, five tries each, as TGI does.

    Raises:
        Exception: huggingface_hub's own errors, which TGI shows as they are.
    """
    folder = snapshot(model_id, revision)
    if folder is not None and weight_files(folder) and _complete(folder):
        out.info("Files are already present on the host. Skipping download.", "download")
        return
    from huggingface_hub import HfApi

    about = HfApi().model_info(model_id, revision=revision)
    names = [s.rfilename for s in about.siblings or () if s.rfilename.endswith(".safetensors")]
    names = [name for name in names if "/" not in name and _are_weights(name)]
    if not names:
        raise FileNotFoundError(f"No .safetensors weights found for model {model_id} and revision {revision}.")
    _fetch_small(model_id, revision, {s.rfilename for s in about.siblings or ()})
    _fetch_all(model_id, revision, names, out)


def _fetch_small(model_id: str, revision: str | None, there: set[str]) -> None:
    from huggingface_hub import hf_hub_download

    index = [name for name in there if name.endswith(".safetensors.index.json")]
    for name in [*(name for name in SMALL if name in there), *index]:
        hf_hub_download(model_id, name, revision=revision)


def _fetch_all(model_id: str, revision: str | None, names: Iterable[str], out: Log) -> None:
    from huggingface_hub import hf_hub_download

    files, start = list(names), time.monotonic()
    for number, name in enumerate(files, start=1):
        for attempt in range(1, TRIES + 1):
            out.info(f"Download file: {name}", "download")
            begun = time.monotonic()
            try:
                path = hf_hub_download(model_id, name, revision=revision)
                break
            except OSError as error:  # requests' errors are OSErrors, and so are the hub's
                if attempt == TRIES or _refused(error):
                    raise
                out.error(str(error), "download")
                out.info(f"Retrying in {PAUSE_S:g} seconds", "download")
                time.sleep(PAUSE_S)
                out.info(f"Retry {attempt}/{TRIES - 1}", "download")
        out.info(f"Downloaded {path} in {_clock(time.monotonic() - begun)}.", "download")
        left = (time.monotonic() - start) / number * (len(files) - number)
        out.info(f"Download: [{number}/{len(files)}] -- ETA: {_clock(left) if left else 0}", "download")


def _refused(error: OSError) -> bool:
    """Whether the hub has answered that it will not give the file."""
    answer = getattr(error, "response", None)
    return answer is not None and answer.status_code in {401, 403, 404}


def _complete(folder: Path) -> bool:
    """Whether every file that the names promise (``model-00001-of-00002``) is there."""
    found = weight_files(folder)
    _, of, total = found[0].stem.partition("-of-")
    return not of or len(found) == int(total)


def _are_weights(name: str) -> bool:
    return not any(part in name for part in NOT_WEIGHTS)


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
