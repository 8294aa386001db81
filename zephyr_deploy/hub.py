"""What the Hugging Face hub says of a model's repository. The hub's library is imported when it is asked."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from zephyr_deploy.errors import ConfigError, CredentialsError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

T = TypeVar("T")

PUBLIC = "https://huggingface.co"
ASK_S = 20.0
"""Longest wait for the hub's answer, in seconds."""
PAUSES_S = (0.5, 1.0)
"""Before it is asked again, in seconds."""
TOO_MANY, SERVER_ERROR = 429, 500
UNKNOWN_TOKEN, REFUSED = 401, (401, 403)
PARTIAL, BEYOND = 206, 416
CHUNK = 64 * 1024
SLOWEST = 3
"""Times `ASK_S` in which a part of a file has to come."""
HINT = "Check the network or HF_ENDPOINT, or serve a file that you have: --model /path/to/file.gguf"


def endpoint() -> str:
    """The hub's address; read here because the hub's library reads ``HF_ENDPOINT`` at import."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or PUBLIC


def is_offline() -> bool:
    """Whether the user says that the hub is not to be asked; read here as the address is."""
    said = (os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or "").upper()
    return said in {"1", "ON", "YES", "TRUE"}


def token() -> str:
    """This user's token, from ``HF_TOKEN`` or where `hf auth login` put it; empty if there is none."""
    from huggingface_hub import get_token

    return get_token() or ""


def model_info(
    repository: str, revision: str | None, *, bearer: str = "", ask_s: float = ASK_S, pauses: Sequence[float] = PAUSES_S
) -> Any:
    """The repository at that revision: its commit (``sha``) and its files with size and digest (``siblings``).

    Args:
        repository: Its id, owner/name.
        revision: Branch, tag or commit; None: the hub's default.
        bearer: The token to show; empty: the hub library's own.
        ask_s: Longest wait for an answer, in seconds.
        pauses: Before it is asked again where it is in trouble, in seconds each.

    Raises:
        UnreachableError: the hub cannot be reached.
        CredentialsError: the repository is gated.
        ConfigError: there is no such repository (the hub does not show private ones), or no such revision.
    """
    from huggingface_hub import HfApi

    api = HfApi(endpoint=endpoint(), token=bearer or None, library_name="zephyr-deploy")
    with _named(repository, revision, ask_s):
        return _asked(lambda: api.model_info(repository, revision=revision, files_metadata=True, timeout=ask_s), pauses)


def read_file(
    repository: str,
    commit: str,
    name: str,
    *,
    start: int = 0,
    most: int,
    bearer: str = "",
    ask_s: float = ASK_S,
    pauses: Sequence[float] = PAUSES_S,
) -> bytes:
    """The bytes of a file from ``start`` on, at most so many; nothing beyond them is transferred.

    Args:
        repository: Its id, owner/name.
        commit: Which version.
        name: Of the file, within the repository.
        start: Of the first byte.
        most: How many bytes.
        bearer: The token to show; empty: the hub library's own.
        ask_s: Longest wait for an answer, and for its next bytes, in seconds.
        pauses: Before it is asked again where it is in trouble, in seconds each.

    Raises:
        UnreachableError: the hub cannot be reached, or breaks off.
        CredentialsError: the repository is gated.
        ConfigError: there is no such repository, commit or file.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined] # documented, and not in __all__

    url = hf_hub_url(repository, name, revision=commit, endpoint=endpoint())
    headers = build_hf_headers(token=bearer or None, library_name="zephyr-deploy")
    # compressed, a range would be one of other bytes
    headers |= {"Range": f"bytes={start}-{start + most - 1}", "Accept-Encoding": "identity"}
    with _named(repository, commit, ask_s, file=name):
        return _asked(lambda: _part(url, headers, slice(start, start + most), ask_s), pauses)


def _part(url: str, headers: Mapping[str, str], part: slice, ask_s: float) -> bytes:
    from huggingface_hub.utils import get_session, hf_raise_for_status  # type: ignore[attr-defined] # as above

    end, content = time.monotonic() + SLOWEST * ask_s, bytearray()
    with get_session().get(url, headers=headers, timeout=ask_s, stream=True) as response:
        if response.status_code == BEYOND:
            return b""
        hf_raise_for_status(response)
        # a proxy may not know ranges, and send it all
        part = slice(0, part.stop - part.start) if response.status_code == PARTIAL else part
        for piece in response.iter_content(CHUNK):
            content += piece
            if len(content) >= part.stop:
                break
            if time.monotonic() > end:
                raise TimeoutError(f"{url.rpartition('/')[2]} comes too slowly")
    return bytes(content[part])


@contextmanager
def _named(repository: str, revision: str | None, ask_s: float, *, file: str = "") -> Iterator[None]:
    """The hub's refusals in our words."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except GatedRepoError as error:
        hint = (
            f"Accept the model's terms on its page, {endpoint()}/{repository}, "
            "export HF_TOKEN or set model.token_from, then try again."
        )
        raise CredentialsError(f"{repository} is gated", hint=hint, details={"gated": repository}) from error
    except RepositoryNotFoundError as error:
        if error.response is not None and _is_of_unknown_token(error.response):
            raise _trouble(error, ask_s) from error
        hint = "Check the name; for a private repository export HF_TOKEN."
        raise ConfigError(f"the hub has no model {repository}, or does not show it to you", hint=hint) from error
    except RevisionNotFoundError as error:
        raise ConfigError(f"{repository} has no revision {revision}", hint="Check model.revision.") from error
    except EntryNotFoundError as error:
        raise ConfigError(f"{repository} has no file {file}", hint="Check model.id and model.revision.") from error
    except HFValidationError as error:
        hint = "A model of the hub is named owner/name; a file is given by its path: ./model.gguf"
        raise ConfigError(f"{repository} is no name of a model", hint=hint) from error
    except OSError as error:  # the library's own errors, and those of requests, are OSErrors
        raise _trouble(error, ask_s) from error


def _asked(question: Callable[[], T], pauses: Sequence[float]) -> T:
    """The answer; where the hub is in trouble, or breaks off, it is asked again. One that is silent is not."""
    for pause in (*pauses, None):
        try:
            return question()
        except OSError as error:
            if pause is None or not _may_pass(error):
                raise
            time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def _may_pass(error: OSError) -> bool:
    """Whether the same question may be answered a moment later."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    status = _status(error)
    if status is None:
        return not (_is_silence(error) or isinstance(error, OfflineModeIsEnabled))
    return status == TOO_MANY or status >= SERVER_ERROR


def _status(error: OSError) -> int | None:
    """The status that the hub answered with; None where no answer came."""
    response = getattr(error, "response", None)
    return None if response is None else int(response.status_code)


def _is_of_unknown_token(response: Any) -> bool:
    """Whether a token was shown that the hub does not know: it says 401 to strangers, and 404 to others."""
    return response.status_code == UNKNOWN_TOKEN and "Authorization" in response.request.headers


def _is_silence(error: OSError) -> bool:
    return "Timeout" in type(error).__name__


def _trouble(error: OSError, ask_s: float) -> CredentialsError | UnreachableError:
    """The error behind an answer of the hub that says nothing of the repository."""
    status = _status(error)
    if status in REFUSED:
        hint = "Export an HF_TOKEN that may read the model, or unset one that is wrong, then `zephyr-deploy up`."
        return CredentialsError(f"the hub, {endpoint()}, answered {status}: the token is missing or wrong", hint=hint)
    why = f"within {ask_s:g} s" if _is_silence(error) else f"({type(error).__name__})"
    said = f"the hub does not answer {why}" if status is None else f"the hub, {endpoint()}, answered {status}"
    return UnreachableError(said, hint=HINT)
