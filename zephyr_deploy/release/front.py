"""From a wish and the nodes that serve it to the files of the gateway on a machine of its own: a pure function.

They say nothing of the model, so that a new release of the nodes leaves the gateway as it is; and they hold no secret,
for the nodes ask for the key.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zephyr_deploy.agent.layout import FRONT, Layout
from zephyr_deploy.release.caddy import caddyfile, exposure_of, peer_name, peer_port, spreading
from zephyr_deploy.release.release import Release, release_of
from zephyr_deploy.release.templates import render_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.release.lock import LockedImage
    from zephyr_deploy.spec.deployment import Deployment

STOP_S = 100
"""How long its running requests may take to end, in seconds: as long as TGI drains (90 s), and some more."""


def render_front(
    deployment: Deployment, image: LockedImage, *, caller: str, nodes: Sequence[str], authorities: Sequence[str]
) -> Release:
    """Every file of the gateway, named by the hash of them all.

    Args:
        deployment: What is wanted; its ``machine.gateway`` is where.
        image: Caddy's.
        caller: The network that may reach an exposed endpoint where nobody says.
        nodes: Addresses of the nodes, as the gateway reaches them.
        authorities: Certificates of the nodes' authorities, as PEM.

    Raises:
        ConfigError: it is not known who may reach an exposed endpoint.
    """
    name, port = deployment.name, peer_port(deployment)
    layout = Layout(name)
    exposure = exposure_of(deployment, deployment.machine.gateway or "", caller)
    shared = {"name": name, "home": str(layout.home), "run": str(layout.run), "stop_s": STOP_S}
    about = {
        "role": FRONT,
        "name": name,
        "port": deployment.access.port,
        **exposure.model_dump(),
        "nodes": list(nodes),
        "node_port": port,
        "node_name": peer_name(name),
        "images": [image.reference],
    }
    return release_of(
        {
            "release.json": json.dumps(about, indent=2, sort_keys=True) + "\n",
            "gateway.sh": render_template("docker/gateway.sh.jinja", **shared, image=image.reference, api_key=False),
            "gateway.service": render_template("systemd/gateway.service.jinja", **shared),
            "Caddyfile": caddyfile(deployment, exposure, apart=True),
            "entry": spreading(name, nodes, port),
            "peers.pem": "".join(authorities),
        }
    )
