"""What the Hugging Face hub says of a model's repository. The hub's library is imported when it is asked."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import ConfigError, CredentialsError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

PUBLIC = "https://huggingface.co"
ASK_S = 20.0
"""Longest wait for the hub's answer, in seconds."""
PAUSES_S = (0.5, 1.0)
"""Before it is asked again, in seconds."""
TOO_MANY, SERVER_ERROR = 429, 500
REFUSED = (401, 403)
HINT = "Check the network or HF_ENDPOINT, or serve a file that you have: --model /path/to/file.gguf"


def endpoint() -> str:
    """The hub's address; read here because the hub's library reads ``HF_ENDPOINT`` at import."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or PUBLIC


def token() -> str:
    """This user's token, from ``HF_TOKEN`` or where `hf auth login` put it; empty if there is none."""
    from huggingface_hub import get_token

    return get_token() or ""


def model_info(repository: str, revision: str | None, *, bearer: str = "") -> Any:
    """The repository at that revision: its commit (``sha``) and its files with size and digest (``siblings``).

    ``bearer`` is the token to show; empty: the hub library's own.

    Raises:
        UnreachableError: the hub cannot be reached.
        CredentialsError: the repository is gated.
        ConfigError: there is no such repository (the hub does not show private ones), or no such revision.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    api = HfApi(endpoint=endpoint(), token=bearer or None, library_name="zephyr-deploy")
    try:
        return _asked(lambda: api.model_info(repository, revision=revision, files_metadata=True, timeout=ASK_S))
    except GatedRepoError as error:
        hint = "Accept the model's terms on its page, export HF_TOKEN or set model.token_from, then `zephyr-deploy up`."
        raise CredentialsError(f"{repository} is gated", hint=hint) from error
    except RepositoryNotFoundError as error:
        hint = "Check the name; for a private repository export HF_TOKEN."
        raise ConfigError(f"the hub has no model {repository}, or does not show it to you", hint=hint) from error
    except RevisionNotFoundError as error:
        raise ConfigError(f"{repository} has no revision {revision}", hint="Check model.revision.") from error
    except HFValidationError as error:
        hint = "A model of the hub is named owner/name; a file is given by its path: ./model.gguf"
        raise ConfigError(f"{repository} is no name of a model", hint=hint) from error
    except (HfHubHTTPError, OfflineModeIsEnabled, OSError) as error:  # requests' own errors are OSErrors
        raise _trouble(error) from error


def _asked(question: Callable[[], Any]) -> Any:
    """The answer; where the hub is in trouble, or breaks off, it is asked again. One that is silent is not."""
    for pause in (*PAUSES_S, None):
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


def _is_silence(error: OSError) -> bool:
    return "Timeout" in type(error).__name__


def _trouble(error: OSError) -> CredentialsError | UnreachableError:
    """The error behind an answer of the hub that says nothing of the repository."""
    status = _status(error)
    if status in REFUSED:
        hint = "Export an HF_TOKEN that may read the model, or unset one that is wrong, then `zephyr-deploy up`."
        return CredentialsError(f"the hub, {endpoint()}, answered {status}: the token is missing or wrong", hint=hint)
    why = f"within {ASK_S:g} s" if _is_silence(error) else f"({type(error).__name__})"
    said = f"the hub does not answer {why}" if status is None else f"the hub, {endpoint()}, answered {status}"
    return UnreachableError(said, hint=HINT)
