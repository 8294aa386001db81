"""`logs`: what a service says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.deploy.find import services
from zephyr_deploy.providers.registry import provider, providers

if TYPE_CHECKING:
    from collections.abc import Iterator


def logs(name: str, *, lines: int = 100, follow: bool = False) -> Iterator[str]:
    """The last ``lines`` lines of the service's log; with ``follow`` also what comes, until the service ends.

    Raises:
        NotDeployedError: there is neither a service nor a log of one.
    """
    found = services(name)
    chosen = provider(found[0].provider) if found else providers()[0]
    return chosen.logs(name, lines=lines, follow=follow)
