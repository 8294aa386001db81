"""What goes wrong on the way to an endpoint, in our words."""

from __future__ import annotations

from zephyr_deploy.endpoint.userinfo import without_user
from zephyr_deploy.errors import DeadlineError, IncompleteError, UnreachableError

CONNECT_S = 10.0
"""Longest wait for a connection, in seconds."""


def unreachable(url: str, error: Exception) -> UnreachableError:
    """Nobody answers at ``url``."""
    message = f"no connection to {without_user(url)}: {error}"
    return UnreachableError(message, hint="See what runs with `zephyr-deploy status`.")


def silent(url: str) -> DeadlineError:
    """The server has said nothing for too long."""
    message = f"{without_user(url)} was silent for too long while we waited for its answer"
    return DeadlineError(message, hint="See why with `zephyr-deploy logs`.")


def too_late(deadline_s: float) -> DeadlineError:
    """The answer is not complete after ``deadline_s`` seconds."""
    message = f"the answer was not complete after {deadline_s:g} s"
    return DeadlineError(message, hint="Ask for fewer new tokens, or see `zephyr-deploy logs`.")


def cut(error: Exception) -> IncompleteError:
    """The connection broke inside an answer."""
    message = f"the connection was cut inside the answer ({type(error).__name__})"
    return IncompleteError(message, hint="See why with `zephyr-deploy logs`.")
