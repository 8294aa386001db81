"""What the Hugging Face hub says of a model's repository. The hub's library is imported when it is asked."""

from __future__ import annotations

import os
from typing import Any

from zephyr_deploy.errors import ConfigError, CredentialsError, UnreachableError

PUBLIC = "https://huggingface.co"
ASK_S = 20.0
"""Longest wait for the hub's answer, in seconds."""


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
        return api.model_info(repository, revision=revision, files_metadata=True, timeout=ASK_S)
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
        hint = "Check the network or HF_ENDPOINT, or serve a file that you have: --model /path/to/file.gguf"
        raise UnreachableError(f"the hub does not answer ({type(error).__name__})", hint=hint) from error
