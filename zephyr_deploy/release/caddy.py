"""What Caddy is told: the Caddyfile of a node or of a gateway apart, and whom an exposed endpoint is open to."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Literal

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.release.templates import render_template
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.spec.deployment import Deployment

OPEN_PATHS = ("/health", "/ping")
"""What answers without a key: whether the engine lives is no secret."""
PUBLIC_PATHS = (
    "/",
    "/generate",
    "/generate_stream",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/models",
    "/v1/models/*",
    "/info",
    "/health",
    "/tokenize",
    "/chat_tokenize",
)
"""What an exposed endpoint shows; metrics, documentation and what changes an engine are for the node alone."""


class Exposure(Frozen):
    """How others reach an endpoint; all empty: nobody else does."""

    site: str = ""
    """The name or address, as a URL has it."""
    tls: Literal["", "internal", "acme"] = ""
    """Who vouches for it: a public authority, or Caddy's own."""
    allowed: str = ""
    """The network that may."""


PRIVATE = Exposure()


def exposure_of(deployment: Deployment, host: str, caller: str) -> Exposure:
    """How the machine at ``host`` shows the endpoint.

    Args:
        deployment: What is wanted.
        host: As the user names the machine, ``[user@]host[:port]``.
        caller: The network that may reach it where nobody says.

    Raises:
        ConfigError: nobody said who may reach it, and it is not known where the caller is.
    """
    access = deployment.access
    if not access.expose:
        return PRIVATE
    site = access.domain or NodeAddress.parse(host).host
    allowed = access.cidr or caller
    if not allowed:
        hint = "Say it with access.cidr, e.g. 203.0.113.0/24."
        raise ConfigError("it is not known who may reach the exposed endpoint", hint=hint)
    if _is_address(site) and ":" in site and not site.startswith("["):
        site = f"[{site}]"
    return Exposure(site=site, tls="acme" if _has_public_name(site) else "internal", allowed=allowed)


def caddyfile(deployment: Deployment, exposure: Exposure, *, apart: bool = False) -> str:
    """The Caddyfile of a node; with ``apart`` of the gateway on a machine of its own, which has no engine behind it."""
    access, site = deployment.access, exposure.site
    return render_template(
        "caddy/Caddyfile.jinja",
        apart=apart,
        port=access.port,
        api_key=access.api_key,
        open_paths=OPEN_PATHS,
        site=site,
        acme=exposure.tls == "acme",
        # Who asks for an address names no server in TLS, and behind NAT the address is not the machine's own.
        sni=site.strip("[]") if _is_address(site) else "",
        cidr=exposure.allowed,
        public_paths=PUBLIC_PATHS,
        peer_port=0 if apart else peer_port(deployment),
        peer_name=peer_name(deployment.name),
    )


def spreading(name: str, nodes: Sequence[str], port: int) -> str:
    """What a gateway does with a request where it spreads them over ``nodes``, by their addresses."""
    bracketed = [f"[{node}]" if ":" in node else node for node in nodes]
    return render_template("caddy/entry.jinja", nodes=bracketed, port=port, name=peer_name(name))


def peer_name(name: str) -> str:
    """The name that a node's certificate has towards other machines of deployment ``name``."""
    return f"zephyr-{name}.internal"


def peer_port(deployment: Deployment) -> int:
    """Where other machines of the deployment reach a node; 0 where there is one machine."""
    machine = deployment.machine
    return deployment.access.port + 1 if len({machine.host, *machine.hosts, machine.gateway} - {None}) > 1 else 0


def _has_public_name(site: str) -> bool:
    """Whether a certificate authority can vouch for it: a name with a dot, and no address."""
    return not _is_address(site) and "." in site and not site.endswith((".local", ".internal", ".lan", ".home.arpa"))


def _is_address(site: str) -> bool:
    try:
        ipaddress.ip_address(site.strip("[]"))
    except ValueError:
        return False
    return True
