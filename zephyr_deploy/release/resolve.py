"""Looks up what a release is made of: the model's commit and files at the hub, images' digests by way of the node."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from zephyr_deploy import hub
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.release.lock import Lock, LockedFile, LockedImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.spec.deployment import Deployment
    from zephyr_deploy.spec.secret import Secret

GATEWAY_IMAGE = "caddy:2"
SMALL_FILES = {".json", ".txt", ".model", ".jinja", ".tiktoken", ".py"}
"""Configuration, tokenizer, chat template, and code of models that bring some."""
WEIGHTS = (".safetensors", ".bin")
"""By preference: where there are safetensors, the .bin files are the same weights again."""


def images_of(plan: Plan) -> tuple[str, str]:
    """The images by name: the engine's, the gateway's."""
    return plan.image or "", GATEWAY_IMAGE


def reusable(text: str, plan: Plan) -> Lock | None:
    """The lock of the release that serves now, where it is of the same wish: then nothing is looked up again."""
    if not text:
        return None
    lock = Lock.model_validate_json(text)
    return lock if fits(lock, plan) else None


def lock_of_model(text: str, deployment: Deployment) -> Lock | None:
    """The lock of the release that serves now, where it is of the model that is wanted, with whatever image."""
    if not text:
        return None
    lock = Lock.model_validate_json(text)
    same = (lock.repo, lock.asked_revision) == (deployment.model.id, deployment.model.revision)
    return lock if same else None


def fits(lock: Lock, plan: Plan) -> bool:
    """Whether a lock is of the images and the model that are planned."""
    image, gateway = images_of(plan)
    return lock.fits(image, plan.source.location, plan.source.version) and lock.gateway.name == gateway


def resolve(plan: Plan, digests: Mapping[str, str], token: Secret | None = None) -> Lock:
    """Look the model up, and put the images' ``digests`` beside it; ``token`` is shown to the hub.

    Raises:
        UnreachableError: the hub cannot be reached.
        CredentialsError: the repository is gated.
        ConfigError: there is no such repository, revision, or it holds no weights.
    """
    info = hub.model_info(plan.source.location, plan.source.version, bearer=token.get_secret_value() if token else "")
    engine, gateway = images_of(plan)
    return Lock(
        engine=LockedImage(name=engine, digest=digests[engine]),
        gateway=LockedImage(name=gateway, digest=digests[gateway]),
        repo=plan.source.location,
        asked_revision=plan.source.version,
        commit=info.sha,
        files=tuple(_locked(file) for file in _needed(plan.source.location, info.siblings or ())),
        model=plan.model,
    )


def needed_files(paths: Sequence[str]) -> list[str]:
    """The files that an engine reads of a repository: those at its root, and of the weights one form.

    TGI, vLLM and SGLang read no weights below the root; repositories keep other forms of them there.
    """
    root = [path for path in paths if "/" not in path]
    weights = next((found for form in WEIGHTS if (found := [p for p in root if p.endswith(form)])), [])
    small = [path for path in root if PurePosixPath(path).suffix in SMALL_FILES and not path.startswith("training_")]
    return sorted({*weights, *small}) if weights else []


def _needed(repository: str, siblings: Iterable[Any]) -> list[Any]:
    by_path = {sibling.rfilename: sibling for sibling in siblings}
    needed = needed_files(list(by_path))
    if not needed:
        hint = "TGI, vLLM and SGLang serve safetensors; a GGUF file is served by `zephyr-deploy up --provider local`."
        raise ConfigError(f"{repository} has no weights that a GPU engine can load", hint=hint)
    return [by_path[path] for path in needed]


def _locked(file: Any) -> LockedFile:
    blob = file.lfs.sha256 if file.lfs else file.blob_id
    return LockedFile(path=file.rfilename, size=file.lfs.size if file.lfs else file.size, blob=blob)
