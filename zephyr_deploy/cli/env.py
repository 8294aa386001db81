"""``zephyr-deploy env``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import LOOK, verb

if TYPE_CHECKING:
    from zephyr_deploy.endpoint.types import Endpoint


@verb(
    panel=LOOK,
    examples=[
        ('eval "$(zephyr-deploy env)"', "Let any OpenAI client of this shell speak to the endpoint"),
        ("zephyr-deploy env --public", "The same for an exposed endpoint, from wherever it may be reached"),
        ("zephyr-deploy env --ca > ca.pem", "The certificate to check an exposed endpoint by: curl --cacert ca.pem"),
    ],
)
def env(
    session: Session,
    name: NameArg = None,
    *,
    public: Annotated[bool, typer.Option("--public", help="The address for others, of an exposed endpoint.")] = False,
    ca: Annotated[bool, typer.Option("--ca", help="Print the certificate of its authority.")] = False,
) -> None:
    """Print the endpoint's address and key as shell variables. This is the only command that shows the key."""
    wanted = session.name(name)
    if ca:
        _show_authority(session, wanted)
        return
    variables = _public(wanted) if public else _private(wanted)
    lines = [f"export {key}={shlex.quote(value)}" for key, value in variables.items()]
    session.out.result("env", variables, table=lambda: "\n".join(lines), quiet=lines)


def _private(name: str) -> dict[str, str]:
    from zephyr_deploy.deploy.find import endpoint_of

    endpoint = endpoint_of(name)
    return _variables(endpoint, endpoint.url)


def _public(name: str) -> dict[str, str]:
    """The variables of an exposed endpoint; with its own authority, clients of this shell then trust no other."""
    from zephyr_deploy.deploy.authority import authority_of, exposed

    service = exposed(name)
    authority = authority_of(service)
    variables = _variables(service.endpoint(), service.public_url or "")
    return {**variables, "SSL_CERT_FILE": str(authority)} if authority else variables


def _variables(endpoint: Endpoint, url: str) -> dict[str, str]:
    variables = {"OPENAI_BASE_URL": f"{url}/v1", "ZEPHYR_ENDPOINT": url}
    if endpoint.api_key:
        variables["OPENAI_API_KEY"] = endpoint.api_key.get_secret_value()
    return variables


def _show_authority(session: Session, name: str) -> None:
    from zephyr_deploy.deploy.authority import authority_of, exposed

    service = exposed(name)
    path = authority_of(service)
    if path is None:
        session.out.note(f"A public authority vouches for {service.public_url}: clients know it already.")
    pem = path.read_text() if path else ""
    session.out.result("env.ca", {"file": path, "pem": pem}, table=pem.rstrip, quiet=pem.splitlines())
