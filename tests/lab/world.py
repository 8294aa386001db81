"""The lab as a whole: engine, network, images, and the services that nodes meet there.

Everything is made once and shared by all tests and workers on the machine. Services are known by the hash of what is
in them, so two checkouts with different content get services of their own.
"""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import json
import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
from filelock import FileLock
from lab.builds import BARE, CADDY, NODE, SERVICES, TGI_NAME, TGI_OLDER, TGI_VERSION, older, tgi
from lab.docker import LABEL, LabError
from lab.engine import find_engine
from lab.hubseed import hub_files
from lab.images import build
from lab.places import LAB_DIR, private_dir
from lab.tar import tar
from lab.tls import certificates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.docker import Docker

NETWORK = "zephyr-lab"
SUBNETS = [f"10.{second}.0.0/16" for second in (213, 197, 181, 165)] + ["172.29.0.0/16", "192.168.160.0/20"]
STORE_PORT, CONTROL_PORT = 5001, 9000
START_S = 30.0
PUSH_S = 300.0
CALL_S = 10.0


@dataclass(frozen=True)
class Lab:
    """What tests share; see `Lab.open`."""

    docker: Docker
    subnet: ipaddress.IPv4Network
    services: str
    """Name of the services' container."""
    services_address: str
    tls: Path
    """Folder with the authority's certificate, ``ca.pem``."""

    tgi_image: str = f"ghcr.io/{TGI_NAME}:{TGI_VERSION}"
    tgi_older_image: str = f"ghcr.io/{TGI_NAME}:{TGI_OLDER}"
    caddy_image: str = "caddy:2"

    @classmethod
    def open(cls, weights: Path) -> Lab:
        """The lab, ready: the first call on a machine takes minutes, later ones a second.

        Args:
            weights: GGUF file that the hub gives out as Zephyr's weights.

        Raises:
            LabUnavailableError: this machine cannot run it; says what is missing.
            LabError: a part of it failed.
        """
        docker = find_engine()
        with FileLock(private_dir(LAB_DIR) / "world.lock", timeout=900):
            subnet, tls = _network(docker), certificates()
            build(docker, BARE)
            build(docker, NODE)
            name, address = _services(docker, subnet, tls, weights)
        return cls(docker, subnet, name, address, tls)

    @property
    def key(self) -> str:
        """Hash of everything that the services hold."""
        return self.services.rpartition("-")[2]

    @property
    def hub_url(self) -> str:
        """For ``HF_ENDPOINT``."""
        return f"http://{self.services_address}"

    @contextmanager
    def fault(self, service: str, client: str | None, **what: Any) -> Iterator[None]:
        """A fault in force for a while; the fields are those of `lab.services.faults.Fault`.

        Args:
            service: ``registry`` or ``hub``.
            client: Address of the node it is meant for; None: everybody, for tests that run alone.
            what: ``path``, ``status``, ``rate``, ``cut_after``, ``hang``, ``delay_s``, ``times``, ...
        """
        number = self._control("POST", "/faults", {"service": service, "client": client, **what})["number"]
        try:
            yield
        finally:
            self._control("DELETE", f"/faults/{number}")

    def requests(self, client: str) -> list[dict[str, Any]]:
        """What a node has asked of registry and hub: service, method, path, status, authorized, at."""
        asked: list[dict[str, Any]] = self._control("GET", f"/requests/{client}")
        return asked

    def _control(self, method: str, path: str, body: object = None) -> Any:
        return _control(self.services_address, method, path, body)


def _network(docker: Docker) -> ipaddress.IPv4Network:
    if not docker.exists("network", NETWORK):
        for subnet in SUBNETS:
            made = docker.try_("network", "create", "--subnet", subnet, "--label", LABEL, NETWORK)
            if made.returncode == 0:
                break
        else:
            raise LabError(f"no network for the lab: {made.stderr.decode(errors='replace')}")
    return ipaddress.IPv4Network(docker.inspect(NETWORK)["IPAM"]["Config"][0]["Subnet"])


def _services(docker: Docker, subnet: ipaddress.IPv4Network, tls: Path, weights: Path) -> tuple[str, str]:
    recipe = tgi()
    image = build(docker, recipe)
    images = {
        f"{TGI_NAME}:{TGI_VERSION}": image,
        f"{TGI_NAME}:{TGI_OLDER}": build(docker, older(image, TGI_OLDER)),
        "library/caddy:2": build(docker, CADDY),
    }
    base = build(docker, SERVICES)
    content = hub_files(weights)
    parts = [base, *images.values(), (tls / "cert.pem").read_text(), hashlib.sha256(content).hexdigest()]
    name = f"zephyr-lab-services-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:12]}"
    _claim(name)
    if address := _running(docker, name):
        return name, address
    _sweep(docker)
    docker.try_("rm", "--force", "--volumes", name)
    address = _start(docker, name, base, subnet, {"tls": tls, "hub": content})
    _push(docker, name, images)
    (LAB_DIR / "filled").mkdir(exist_ok=True)
    (LAB_DIR / "filled" / name).touch()
    return name, address


def _running(docker: Docker, name: str) -> str | None:
    """Address of services that run, hold all images and answer."""
    if not (LAB_DIR / "filled" / name).exists() or not docker.exists("container", name):
        return None
    about = docker.inspect(name)
    address: str = about["NetworkSettings"]["Networks"][NETWORK]["IPAMConfig"]["IPv4Address"]
    if not about["State"]["Running"]:
        docker("start", name)
    return address if _answers(address, START_S) else None


def _start(docker: Docker, name: str, image: str, subnet: ipaddress.IPv4Network, files: dict[str, Any]) -> str:
    (LAB_DIR / "filled" / name).unlink(missing_ok=True)
    for number in range(2, 250):
        address = str(subnet[number])
        place = ["--network", NETWORK, "--ip", address, "--publish", f"127.0.0.1::{STORE_PORT}"]
        docker("create", "--name", name, "--label", LABEL, "--restart", "unless-stopped", *place, image)
        keys = {f"/etc/lab/tls/{file}": (files["tls"] / file).read_bytes() for file in ("cert.pem", "key.pem")}
        docker("cp", "-", f"{name}:/", stdin=tar(keys))
        docker("cp", "-", f"{name}:/", stdin=files["hub"])
        started = docker.try_("start", name)
        if started.returncode == 0 and _answers(address, START_S):
            return address
        docker("rm", "--force", "--volumes", name)
        if b"already in use" not in started.stderr:
            break
    raise LabError(f"the lab's services do not start: {started.stderr.decode(errors='replace')}")


def _push(docker: Docker, name: str, images: dict[str, str]) -> None:
    port = docker.inspect(name)["NetworkSettings"]["Ports"][f"{STORE_PORT}/tcp"][0]["HostPort"]
    for path, image in images.items():
        there = f"localhost:{port}/{path}"
        docker("tag", image, there)
        docker("push", "--quiet", there, timeout_s=PUSH_S)
        docker("rmi", there)


def _claim(name: str) -> None:
    """Note that this process uses these services, so that nobody takes them away."""
    folder = LAB_DIR / "users" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(os.getpid())).touch()


def _sweep(docker: Docker) -> None:
    """Remove services that no living process and no node uses: those of contents that are gone."""
    for folder in (LAB_DIR / "users").iterdir():
        nodes = docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}.services={folder.name}")
        if not nodes and not any(psutil.pid_exists(int(user.name)) for user in folder.iterdir()):
            # The notes first: whoever is ended in between makes anew what is there, and never uses what is not.
            for name in (folder.name, preload_volume(folder.name)):
                (LAB_DIR / "filled" / name).unlink(missing_ok=True)
            docker.try_("rm", "--force", "--volumes", folder.name)
            docker.try_("volume", "rm", preload_volume(folder.name))
            shutil.rmtree(folder, ignore_errors=True)


def preload_volume(services: str) -> str:
    """Volume with a Docker data folder that has the images of these services."""
    return services.replace("services", "preload")


def _answers(address: str, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            _control(address, "GET", "/")
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


def _control(address: str, method: str, path: str, body: object = None) -> Any:
    connection = http.client.HTTPConnection(address, CONTROL_PORT, timeout=CALL_S)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise LabError(f"the lab's services answer {answer.status} to {method} {path}")
        return json.loads(answer.read())
    finally:
        connection.close()
