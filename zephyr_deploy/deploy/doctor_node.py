"""`doctor --host`: what on a machine stands in the way, seen from there; nothing on it is changed."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zephyr_deploy import hub
from zephyr_deploy.agent.ports import HTTP, HTTPS
from zephyr_deploy.deploy.results import Check
from zephyr_deploy.engines.registry import engine as engine_spec
from zephyr_deploy.errors import ConfigError, CredentialsError, ZephyrError
from zephyr_deploy.node.connection import NodeConnection
from zephyr_deploy.node.hostkeys import HostKeys, Trust
from zephyr_deploy.node.program import call
from zephyr_deploy.node.route import resolve
from zephyr_deploy.plan.machine import NodeFacts
from zephyr_deploy.plan.readiness import gateway_lacks, lacks
from zephyr_deploy.providers.nodes.connect import CONNECT_S, alias_for, connect, pin_file
from zephyr_deploy.release.caddy import peer_port
from zephyr_deploy.release.resolve import GATEWAY_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.plan.readiness import Lack
    from zephyr_deploy.spec.deployment import Deployment

AT_ONCE = 16
LOOK_S = 60.0
REACH_S = 60.0
OF_ENGINES = ("processor", "gpu", "driver", "container toolkit", "cgroup driver")
"""Checks of what only an engine needs."""


def doctor_nodes(
    deployment: Deployment, addresses: Sequence[NodeAddress], trust: Trust, *, gateway: NodeAddress | None = None
) -> list[Check]:
    """Check machines for a deployment; each check says which machine it is of.

    Args:
        deployment: Whose machines they are, or are to be; its model, images and ports are asked for.
        addresses: Of the machines that serve.
        trust: What may make a pin of a host key. Where the user names neither a key nor first use, none is kept.
        gateway: Of the machine that is to have the gateway alone.
    """
    machines = [(address, _Asked(deployment)) for address in addresses]
    machines += [(gateway, _Asked(deployment, is_gateway=True))] if gateway else []

    def checked(machine: tuple[NodeAddress, _Asked]) -> list[Check]:
        address, asked = machine
        found = _checks(asked, address, trust, several=len(machines) > 1)
        return [check.model_copy(update={"host": str(address)}) for check in found]

    with ThreadPoolExecutor(min(AT_ONCE, max(1, len(machines))), thread_name_prefix="doctor") as pool:
        return [check for checks in pool.map(checked, machines) for check in checks]


@dataclass(frozen=True)
class _Asked:
    """What is asked of a machine: all that serving takes, or of a gateway's what Caddy takes."""

    deployment: Deployment
    is_gateway: bool = False

    @property
    def images(self) -> list[str]:
        return [GATEWAY_IMAGE] if self.is_gateway else [_image(self.deployment), GATEWAY_IMAGE]

    @property
    def hub(self) -> str:
        return "" if self.is_gateway else f"{hub.endpoint()}/api/models/{self.deployment.model.id}"

    @property
    def ports(self) -> list[int]:
        """Those that it has to have free; others reach a node directly where no gateway is in front of it."""
        access = self.deployment.access
        shown = access.expose and (self.is_gateway or not self.deployment.machine.gateway)
        between = [] if self.is_gateway else [port for port in (peer_port(self.deployment),) if port]
        return [access.port, *between, *((HTTP, HTTPS) if shown else ())]


def _checks(asked: _Asked, address: NodeAddress, trust: Trust, *, several: bool) -> Iterator[Check]:
    """Every check of one machine; what cannot be asked any more ends it."""
    try:
        node = _connected(asked.deployment.name, address, trust, several=several)
    except ZephyrError as error:
        yield _failed("ssh", error.message, error.hint)
        return
    with node:
        yield Check(name="ssh", verdict="ok", detail=f"{node.route}, its host key is known")
        try:
            looked = call(node, "look", {}, deadline_s=LOOK_S)
        except CredentialsError as error:
            yield _failed("sudo", error.message, error.hint)
            return
        except ConfigError as error:
            yield _failed("python", error.message, error.hint)
            return
        except ZephyrError as error:
            yield _failed("look", error.message, error.hint)
            return
        yield Check(name="sudo", verdict="ok", detail=f"{node.route.user} may become root")
        facts = NodeFacts.model_validate(looked["machine"])
        yield from _of_facts(facts, is_gateway=asked.is_gateway)
        yield from _reach(node, asked, has_docker=facts.docker is not None and not facts.docker.error)


def _connected(name: str, address: NodeAddress, trust: Trust, *, several: bool) -> NodeConnection:
    """A connection that leaves no pin behind, unless the user has said whose key is right."""
    trust = trust.at(*address.place)
    if trust.fingerprint or trust.first_use:
        return connect(name, address, trust, several=several)
    with tempfile.TemporaryDirectory(prefix="zephyr-doctor-") as folder:
        pins = Path(folder) / "known_hosts"
        if pin_file(name).exists():
            pins.write_bytes(pin_file(name).read_bytes())
        keys = HostKeys(pins, alias_for(name, address, several=several), trust)
        return NodeConnection.open(resolve(address), keys, deadline_s=CONNECT_S)


def _of_facts(facts: NodeFacts, *, is_gateway: bool = False) -> Iterator[Check]:
    """What the machine is, with what it lacks in its place."""
    found = gateway_lacks(facts, now=time.time()) if is_gateway else lacks(facts, now=time.time())
    missing: dict[str, Lack] = {lack.name: lack for lack in found}
    fine = _fine(facts)
    for name in OF_ENGINES if is_gateway else ():
        fine.pop(name, None)
    for name, detail in fine.items():
        lack = missing.pop(name, None)
        yield _of_lack(lack) if lack else Check(name=name, verdict="ok", detail=detail)
    yield from map(_of_lack, missing.values())


def _fine(facts: NodeFacts) -> dict[str, str]:
    """The names of `zephyr_deploy.plan.readiness`, and what is said of each where nothing is lacking."""
    docker, gpus = facts.docker, facts.gpus
    names = ", ".join(f"{gpu.name} ({gpu.memory_bytes / 2**30:.0f} GiB)" for gpu in gpus)
    found = {
        "system": f"{facts.system}, {facts.cpus} processors, {facts.memory_total_bytes / 1e9:.1f} GB of memory",
        "processor": facts.architecture,
        "systemd": str(facts.systemd),
        "python": facts.python,
        "/opt": "writable",
        "gpu": names,
        "driver": f"{gpus[0].driver}, runs CUDA {facts.cuda or '?'}" if gpus else "",
        "docker": docker.version if docker else "",
        "container toolkit": "Docker hands GPUs to containers" if gpus and docker else "",
        "cgroup driver": docker.cgroup_driver if gpus and docker else "",
        "clock": f"{abs(facts.clock - time.time()):.0f} s off",
        "disk": f"{facts.disk_free_bytes / 1e9:.1f} GB free for weights, "
        f"{facts.docker_disk_free_bytes / 1e9:.1f} GB for images",
    }
    never_empty = {"gpu", "docker"}
    return {name: detail for name, detail in found.items() if detail or name in never_empty}


def _of_lack(lack: Lack) -> Check:
    return Check(name=lack.name, verdict="failed" if lack.grave else "warning", detail=lack.detail, fix=lack.fix)


def _reach(node: NodeConnection, asked: _Asked, *, has_docker: bool) -> Iterator[Check]:
    """What the machine can reach, by small questions that download nothing, and which ports it can offer."""
    images = asked.images if has_docker else []
    wanted: dict[str, Any] = {"name": asked.deployment.name, "hub": asked.hub, "images": images, "ports": asked.ports}
    try:
        answer = call(node, "reach", wanted, deadline_s=REACH_S)
    except ZephyrError as error:
        yield _failed("network", error.message, error.hint)
        return
    fix = f"Let the machine reach {hub.endpoint()} (firewall, proxy, DNS), or set HF_ENDPOINT here to a mirror."
    if asked.hub:
        yield _said("hub", answer["hub"], f"{hub.endpoint()} answers", fix)
    for image, why in answer["images"].items():
        fix = "Let the machine reach that registry; for a private image: sudo docker login, there."
        yield _said(f"registry of {image}", why, "answers, and has the image", fix)
    for port, why in answer["ports"].items():
        fix = "Choose another with --port (access.port), or end that program."
        yield _said(f"port {port}", why, "free, or our gateway's", fix)


def _image(deployment: Deployment) -> str:
    return deployment.engine.image or engine_spec(deployment.engine.name or "tgi").image or ""


def _said(name: str, why: str, fine: str, fix: str) -> Check:
    return _failed(name, why, fix) if why else Check(name=name, verdict="ok", detail=fine)


def _failed(name: str, detail: str, fix: str | None) -> Check:
    return Check(name=name, verdict="failed", detail=detail, fix=fix or "Run it again.")
