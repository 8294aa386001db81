"""What `doctor` makes of the facts of a machine, and of one that cannot be reached; real nodes are in tests/lab."""

import getpass
import time

import pytest
from loopback_sshd import Sshd, free_port, make_key

from zephyr_deploy.deploy.doctor_node import _of_facts, doctor_nodes
from zephyr_deploy.node import NodeAddress, Trust
from zephyr_deploy.plan.machine import NodeFacts
from zephyr_deploy.spec.deployment import Deployment

GPU = {
    "name": "NVIDIA A100",
    "memory_bytes": 80 << 30,
    "memory_used_bytes": 0,
    "driver": "550",
    "compute_capability": "8.0",
}
FACTS = {
    "system": "Ubuntu 22.04", "os": "ubuntu", "os_version": "22.04", "architecture": "x86_64", "kernel": "6",
    "python": "3.10.1", "systemd": 249, "cpus": 8, "memory_bytes": 1 << 35, "memory_total_bytes": 1 << 35,
    "disk_free_bytes": 10**12, "docker_disk_free_bytes": 10**12, "root_writable": True, "gpus": [GPU], "cuda": "12.4",
    "docker": {"version": "27.0", "cgroup_driver": "cgroupfs", "gpu": True}, "clock": 0.0,
}  # fmt: skip
NOBODY = NodeAddress(host="127.0.0.1", port=1)


def checks(*, is_gateway=False, **more):
    facts = NodeFacts.model_validate({**FACTS, "clock": time.time(), **more})
    return {check.name: check for check in _of_facts(facts, is_gateway=is_gateway)}


def test_a_machine_that_lacks_nothing():
    found = checks()
    assert {check.verdict for check in found.values()} == {"ok"}
    assert {"system", "systemd", "python", "docker", "gpu", "driver", "container toolkit", "cgroup driver", "clock",
            "disk", "/opt"} <= set(found)  # fmt: skip
    assert not any(check.fix for check in found.values())


@pytest.mark.parametrize(
    ("more", "name", "verdict"),
    [
        ({"docker": None}, "docker", "failed"),
        ({"docker": {"error": "dockerd does not run"}}, "docker", "failed"),
        ({"docker": {"version": "27.0", "cgroup_driver": "cgroupfs"}}, "container toolkit", "failed"),
        ({"docker": {"version": "27.0", "cgroup_driver": "systemd", "gpu": True}}, "cgroup driver", "warning"),
        ({"cuda": "11.8"}, "driver", "failed"),
        ({"gpus": []}, "gpu", "warning"),
        ({"root_writable": False}, "/opt", "failed"),
        ({"systemd": 0}, "systemd", "failed"),
        ({"disk_free_bytes": 1}, "disk", "warning"),
        ({"clock": 5.0}, "clock", "warning"),
        ({"architecture": "aarch64"}, "processor", "failed"),
    ],
)
def test_what_is_lacking_has_its_fix(more, name, verdict):
    check = checks(**more)[name]
    assert check.verdict == verdict
    assert check.fix


def test_of_a_gateway_nothing_is_asked_that_an_engine_needs():
    bare = {"gpus": [], "nvidia_devices": 1, "architecture": "aarch64", "cuda": ""}
    found = checks(is_gateway=True, **bare, docker={"version": "27.0"})
    assert {check.verdict for check in found.values()} == {"ok"}
    assert not {"gpu", "driver", "container toolkit", "cgroup driver", "processor"} & set(found)
    assert checks(is_gateway=True, **bare, docker=None)["docker"].verdict == "failed"


@pytest.fixture
def alone(home, monkeypatch):
    """A home without keys, and no agent."""
    monkeypatch.setenv("HOME", str(home / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return home


def test_a_machine_that_does_not_answer_is_a_check_that_failed(alone):
    address = NodeAddress(host="127.0.0.1", port=free_port())
    (check,) = doctor_nodes(Deployment(), [address], Trust(known=()))
    assert (check.name, check.verdict, check.host) == ("ssh", "failed", str(address))
    assert check.fix


def test_a_key_that_nobody_knows_is_told_and_not_pinned(alone, tmp_path):
    key = make_key(tmp_path / "user")
    server = Sshd(tmp_path / "sshd", [key], [make_key(tmp_path / "host")])
    try:
        address = NodeAddress(host="127.0.0.1", port=server.port, user=getpass.getuser(), identity=key)
        (check,) = doctor_nodes(Deployment(), [address], Trust(known=()))
        assert check.verdict == "failed"
        assert server.host_key.fingerprint in check.fix
        assert not (alone / "state").exists()
    finally:
        server.stop()
