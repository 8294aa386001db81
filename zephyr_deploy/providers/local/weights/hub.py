"""One GGUF file out of one repository of the Hugging Face hub, at one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.hub import endpoint, model_info
from zephyr_deploy.spec.sources import hub_token

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zephyr_deploy.events import PhaseHandle
    from zephyr_deploy.plan.plan import ModelSource

FAVOURITE = "q4_k_m"
"""The quantization that llama.cpp itself takes when it is not told."""


def resolve(source: ModelSource) -> ModelSource:
    """Choose the file and pin it: commit, size and digest as the hub states them.

    Raises:
        UnreachableError: the hub cannot be reached.
        CredentialsError: the repository is gated, or private (the hub does not say which repositories exist).
        ConfigError: there is no such repository, revision or file, or it is not clear which file.
    """
    given = hub_token(source.token_from)
    info = model_info(source.location, source.version, bearer=given.get_secret_value() if given else "")
    files = {s.rfilename: s for s in info.siblings or () if s.rfilename.lower().endswith(".gguf")}
    name = choose(source.location, list(files), source.file)
    lfs = files[name].lfs
    digest = {"sha256": lfs.sha256, "size": lfs.size} if lfs else {"size": files[name].size}
    return source.model_copy(update={"version": info.sha, "file": name, **digest})


def choose(repository: str, files: Sequence[str], wanted: str | None) -> str:
    """The file that is meant: the one named, the only one, or the only Q4_K_M.

    Raises:
        ConfigError: none or several; the hint lists them.
    """
    choices = "It has: " + ", ".join(sorted(files)) + ". Say which with model.file (--file)."
    if wanted is not None:
        if wanted in files:
            return wanted
        raise ConfigError(f"{repository} has no file {wanted}", hint=choices if files else None)
    if not files:
        raise ConfigError(
            f"{repository} has no GGUF file, which the embedded engine needs",
            hint=f"Look for a repository like {repository.rpartition('/')[2]}-GGUF, or use an engine with a GPU.",
        )
    favourites = [file for file in files if FAVOURITE in file.lower()]
    for candidates in (files, favourites):
        if len(candidates) == 1:
            return candidates[0]
    raise ConfigError(f"{repository} has {len(files)} GGUF files", hint=choices)


def fetch_from_hub(source: ModelSource, target: Path, phase: PhaseHandle) -> None:
    """Bring the file of a resolved ``source`` to ``target``.

    The hub's own downloader reports no progress and leaves its folders behind, so the transfer is ours;
    names and token are the hub library's.

    Raises:
        As `Download.run`.
    """
    from huggingface_hub import hf_hub_url

    from zephyr_deploy.providers.local.weights.download import Download, bytes_of

    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    url = hf_hub_url(source.location, source.file or "", revision=source.version, endpoint=endpoint())
    given = hub_token(source.token_from)
    headers = {"Authorization": f"Bearer {given.get_secret_value()}"} if given else {}
    Download(url, part, headers=headers, report=bytes_of(phase)).run(source.sha256)
    part.replace(target)
