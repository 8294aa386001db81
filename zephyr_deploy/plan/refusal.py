"""Says every reason at once why a wish cannot be fulfilled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.engines.base import Problem


def refuse(problems: Sequence[Problem], command: str = "up") -> None:
    """Raise if there is any problem; ``command`` is what to type when it is mended.

    Raises:
        ConfigError: each with its setting, its reason and what to do.
    """
    if not problems:
        return
    lines = [f"{p.setting}: {p.reason}. {p.fix}" for p in problems]
    message = "this cannot be served here:\n  " + "\n  ".join(lines)
    raise ConfigError(message, hint=f"Change the settings named, then `zephyr-deploy {command}`.")
