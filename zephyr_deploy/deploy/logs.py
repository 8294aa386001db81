"""`logs`: what a service says of itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from zephyr_deploy.deploy.find import services
from zephyr_deploy.deploy.known import known
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.providers.logs import LogQuery
from zephyr_deploy.providers.registry import provider, providers

if TYPE_CHECKING:
    from collections.abc import Iterator


def logs(name: str, *, lines: int = 100, follow: bool = False, **wanted: Any) -> Iterator[str]:
    """Lines of the service's log; with ``follow`` also those that come, until the service is gone.

    Args:
        name: Of the deployment.
        lines: The last that many, to begin with.
        follow: Whether to go on.
        wanted: Which lines: the other fields of `zephyr_deploy.providers.logs.LogQuery`.

    Raises:
        NotDeployedError: there is neither a service nor a log of one.
        ConfigError: ``grep`` is no regular expression; the log has no such ``phase``, or no times for ``since``.
    """
    query = LogQuery(lines=lines, follow=follow, **wanted)
    try:
        re.compile(query.grep or "")
    except re.error as error:
        raise ConfigError(
            f"--grep {query.grep!r} is no regular expression: {error}",
            hint="Put a backslash before ( [ * + . that are meant as they are.",
        ) from error
    record = known(name)  # one look into a file, where `services` would ask every machine
    if record is not None:
        return provider(record.provider).logs(name, query)
    found = services(name)
    chosen = provider(found[0].provider) if found else providers()[0]
    return chosen.logs(name, query)
