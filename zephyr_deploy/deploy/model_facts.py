"""Looks up what a model is, without its weights: a folder, the hub, what was read before, or the table."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.deploy.model_cache import Kept, ModelCache
from zephyr_deploy.deploy.model_files import ASK_S, PAUSES_S, Folder, HubFiles
from zephyr_deploy.deploy.model_read import About, describe
from zephyr_deploy.errors import ConfigError, CredentialsError, UnreachableError
from zephyr_deploy.hub import is_offline, model_info
from zephyr_deploy.node.deadline import Deadline
from zephyr_deploy.plan.model.facts import ModelFacts
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.spec.base import Frozen
from zephyr_deploy.spec.sources import hub_token
from zephyr_deploy.spec.types import names_a_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.plan.model.config import Reading
    from zephyr_deploy.spec.secret import Secret

WITHIN_S = 20.0
"""Longest that the hub is asked about one model, in seconds."""
HINT = "Try again when the hub can be reached (HF_ENDPOINT), or give --model the folder of a model."
GATED = "gated"
"""Key in the details of an error that says so."""


class _Question(NamedTuple):
    """What is asked of the hub."""

    model: str
    revision: str | None
    file: str | None
    bearer: str
    deadline: Deadline


class Found(Frozen):
    """The facts of a model, and what whoever sees them should know of them."""

    facts: ModelFacts
    notes: tuple[str, ...] = ()


def find_facts(
    model_id: str,
    revision: str | None = None,
    *,
    file: str | None = None,
    token_from: str | None = None,
    token: Callable[[], Secret | None] | None = None,
    offline: bool = False,
    within_s: float = WITHIN_S,
) -> Found:
    """The facts of a model.

    A path is looked into. Otherwise the hub is asked; where it does not answer, or does not show the files of a gated
    model, what was read of it before is used, or else the table that this version ships. The notes say which.

    Args:
        model_id: Of the hub, or the path of a folder or of a GGUF file.
        revision: Branch, tag or commit; None: the hub's default.
        file: Which GGUF file of the repository or folder; None: what its config.json describes.
        token_from: Where the hub's token is (``model.token_from``).
        token: Gives it, in place of ``token_from``; asked only where the hub is.
        offline: Whether the hub is not asked; ``HF_HUB_OFFLINE`` says the same.
        within_s: Longest that the hub is asked, in seconds.

    Raises:
        ConfigError: there is no such model, revision or file, or one that says what cannot be.
        CredentialsError: the token is wrong, or the model is gated and nothing is known of it here.
        UnreachableError: the hub is not asked or does not answer, and nothing is known of the model here.
    """
    if names_a_path(model_id):
        return _in_folder(model_id, file)
    cache = ModelCache(model_id, file)
    if offline or is_offline():
        return _without_hub(cache, model_id, revision, UnreachableError("the hub is not asked", hint=HINT))
    given = token() if token else hub_token(token_from)
    bearer = given.get_secret_value() if given else ""
    try:
        return _from_hub(cache, _Question(model_id, revision, file, bearer, Deadline(within_s)))
    except UnreachableError as error:
        return _without_hub(cache, model_id, revision, error)
    except CredentialsError as error:
        if GATED not in error.details:
            raise
        return _without_hub(cache, model_id, revision, error)


def _in_folder(place: str, file: str | None) -> Found:
    try:
        path = Path(place).expanduser().absolute()
    except RuntimeError as error:  # ~somebody, who is not a user here
        raise _no_such(place) from error
    if path.is_file():
        return _found(describe(Folder.at(path.parent), About(place, origin="folder"), path.name))
    if not path.is_dir():
        raise _no_such(place)
    return _found(describe(Folder.at(path), About(place, origin="folder"), file))


def _from_hub(cache: ModelCache, question: _Question) -> Found:
    ask_s = question.deadline.left(ASK_S)
    model = question.model
    info = model_info(model, question.revision, bearer=question.bearer, ask_s=ask_s, pauses=PAUSES_S)
    kept = cache.at(info.sha)
    if kept is not None:
        if cache.last(question.revision) != kept:
            cache.keep(question.revision, info.sha, kept)
        return Found(facts=kept.facts, notes=kept.notes)
    sizes = {sibling.rfilename: sibling.size for sibling in info.siblings or ()}
    files = HubFiles(model, info.sha, sizes, question.bearer, question.deadline)
    found = _found(describe(files, About(info.id, info.sha, bool(info.gated)), question.file))
    if found.facts.weight_bytes is None and any(name.endswith(".safetensors") for name in sizes):
        return found  # the hub took too long: the next time it may not
    now = datetime.now(timezone.utc)
    trouble = cache.keep(question.revision, info.sha, Kept(facts=found.facts, notes=found.notes, read_at=now))
    return found.model_copy(update={"notes": (*found.notes, trouble)}) if trouble else found


def _without_hub(
    cache: ModelCache, model: str, revision: str | None, error: CredentialsError | UnreachableError
) -> Found:
    """What is known of a model here; the error, where that is nothing."""
    why = f"{error}. {error.hint or ''}".strip() if GATED in error.details else f"{error}"
    damaged = (f"The cache {cache.path} could not be read, and is not used.",) if cache.damaged else ()
    if kept := cache.last(revision):
        said = f"Facts of {model} as read from the hub on {kept.read_at:%Y-%m-%d}: {why}."
        facts = kept.facts.model_copy(update={"origin": "cache"})
        return Found(facts=facts, notes=(said, *kept.notes))
    if known := known_model(model):
        said = f"Facts of {known.id} out of the table of this version, of {known.as_of}: {why}."
        other = (f"Revision {revision} may be another.",) if revision not in {None, "main"} else ()
        return Found(facts=known, notes=(said, *other, *damaged))
    if GATED in error.details:
        raise error
    said = f"nothing is known here of {model}: {error}"
    raise UnreachableError(said, hint=HINT, details=error.details) from error


def _found(reading: Reading) -> Found:
    return Found(facts=reading.facts, notes=reading.notes)


def _no_such(place: str) -> ConfigError:
    return ConfigError(f"there is no folder or file {place}", hint="Give --model the folder of a model, or its id.")
