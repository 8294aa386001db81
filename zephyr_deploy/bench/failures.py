"""By which name a failed request is counted."""

from __future__ import annotations

from zephyr_deploy.errors import RequestError, ZephyrError


def kind_of(error: ZephyrError) -> str:
    """The error's code; for a request that failed in no way of its own, what the server called it, or its status."""
    if isinstance(error, RequestError) and error.code == RequestError.code:
        if error.error_type:
            return error.error_type
        if error.status:
            return f"http_{error.status}"
    return error.code
