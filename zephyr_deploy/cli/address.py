"""Which endpoint a command speaks to: a deployment's, or any other's by its address."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.ending import warn_of_end
from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.cli.session import Session
    from zephyr_deploy.endpoint.types import Endpoint

UrlOpt = Annotated[str | None, typer.Option(help="Speak to this address instead of a deployment.")]
ApiKeyEnvOpt = Annotated[str | None, typer.Option(help="With --url: environment variable that holds the API key.")]


@contextmanager
def endpoint_for(session: Session, name: str | None, url: str | None, api_key_env: str | None) -> Iterator[Endpoint]:
    """The endpoint at ``url``, which is asked what it is; without one, that of the deployment, by a tunnel if need be.

    Raises:
        UsageError: both or neither half of an address; ``url`` is no address; the variable is not set.
        NotDeployedError: there is no such deployment.
        UnreachableError: nothing answers at ``url``.
    """
    if url is None:
        if api_key_env is not None:
            raise UsageError("--api-key-env goes with --url.", hint="A deployment's own key is known here.")
        from zephyr_deploy.deploy.reach import reached

        with reached(session.name(name)) as endpoint:
            warn_of_end(session.out, endpoint.name, endpoint.ends_at)
            if endpoint.trouble:
                session.out.warn(f"{endpoint.name} is not well: {endpoint.trouble}")
            yield endpoint
        return
    if name is not None:
        raise UsageError("Give a deployment or --url, not both.", hint="zephyr-deploy status")
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--url {url} is no address.", hint="Write e.g. http://127.0.0.1:8080.")
    if "@" in url.split("://", 1)[1].split("/", 1)[0]:  # it would be in every message and report
        raise UsageError("--url holds a user or a password.", hint="Keep a key in a variable: --api-key-env NAME")
    from zephyr_deploy.endpoint.discover import discover
    from zephyr_deploy.spec.secret import Secret

    key = os.environ.get(api_key_env) if api_key_env else None
    if api_key_env and not key:
        raise UsageError(f"The environment variable {api_key_env} is not set.", hint=f"export {api_key_env}=...")
    yield discover(url, Secret(key) if key else None)
