"""prepare.yml on machines of the lab that have a Docker of their own.

A GPU is a card that the lab's nvidia-smi names; that the driver installs is not shown here.
"""

import json
import socket

import pytest
from lab.cards import L4

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


def test_a_machine_with_docker_and_a_gpu_keeps_them_and_a_container_sees_the_gpu(machine):
    gpu = machine(card=L4, preload=True)
    theirs = {"insecure-registries": ["registry.test:5000"], "exec-opts": ["native.cgroupdriver=systemd"], "mtu": 1400}
    gpu.write("/etc/docker/daemon.json", json.dumps(theirs))
    packages = gpu.shell("dpkg -l | grep -i docker")
    image = ("-e", f"prepare_test_image={gpu.node.lab.tgi_image}")

    first = gpu.play(*image)
    assert first.code == 0, first.printed
    assert "GPU: NVIDIA L4, 23034 MiB, 570.133.20" in first.printed
    said = gpu.daemon_json
    assert said.pop("runtimes")["nvidia"]["path"] == "nvidia-container-runtime"
    assert said == {
        **theirs,
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "live-restore": True,
        "log-driver": "json-file",
        "log-opts": {"max-size": "50m", "max-file": "3"},
    }
    assert "registry.test:5000" in gpu.shell("docker info")
    assert "nvidia" in gpu.shell("docker info --format '{{json .Runtimes}}'")
    assert gpu.shell("dpkg -l | grep -i docker") == packages

    since = gpu.docker_started
    gpu.shell("rm /usr/bin/nvidia-container-runtime-hook")
    blind = gpu.play(*image)
    assert (blind.code, blind.changed) == (2, 0), blind.printed
    assert blind.message.startswith(f"{gpu.node.lab.tgi_image} does not run: ")
    assert gpu.docker_started == since


def reachable(machine, port):
    try:
        with socket.create_connection((machine.node.address, port), timeout=3):
            return True
    except OSError:
        return False


def serve(machine, port):
    machine.shell(f"systemd-run --quiet python3 -m http.server {port}; sleep 1")


def test_a_machine_with_docker_gets_a_firewall_and_no_configuration_that_docker_refuses(with_docker):
    the_firewall_lets_in_ssh_and_named_ports_and_survives_a_reboot(with_docker)
    a_broken_configuration_is_named_and_kept(with_docker)
    a_docker_that_refuses_the_configuration_gets_its_old_one_back(with_docker)


def the_firewall_lets_in_ssh_and_named_ports_and_survives_a_reboot(with_docker):
    networks = f"{with_docker.gateway}/32"
    settings = ("-e", "prepare_firewall=true", "-e", "prepare_open_ports=8001", "-e", f"prepare_open_cidrs={networks}")
    serve(with_docker, 8001)
    serve(with_docker, 8002)
    assert reachable(with_docker, 8001)
    assert reachable(with_docker, 8002)
    rules = with_docker.shell("iptables-save -t filter | grep -v '^#' | sed 's/\\[.*//'")

    first = with_docker.play(*settings)
    assert first.code == 0, first.printed
    assert reachable(with_docker, 8001)
    assert not reachable(with_docker, 8002)
    assert "zephyr-deploy-firewall-undo" not in with_docker.shell("systemctl list-timers --all")

    with_docker.node.reboot()
    assert with_docker.shell("nft list table inet zephyr_deploy | grep -c policy.drop") == "1"
    assert with_docker.shell("iptables-save -t filter | grep -v '^#' | sed 's/\\[.*//'") == rules
    serve(with_docker, 8001)
    serve(with_docker, 8002)
    assert reachable(with_docker, 8001)
    assert not reachable(with_docker, 8002)
    second = with_docker.play(*settings)
    assert (second.code, second.changed) == (0, 0), second.printed


def a_broken_configuration_is_named_and_kept(machine):
    machine.write("/etc/docker/daemon.json", "{")
    played = machine.play()
    assert played.code == 2, played.printed
    assert played.message == "/etc/docker/daemon.json is not a JSON object: put it right first. It says: {"
    assert machine.shell("cat /etc/docker/daemon.json") == "{"


def a_docker_that_refuses_the_configuration_gets_its_old_one_back(machine):
    """A setting may not stand on dockerd's command line and in its file; only its start can tell."""
    old = '{"mtu": 1400}'
    machine.write("/etc/docker/daemon.json", old)
    flags = "[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H unix:///var/run/docker.sock --live-restore\n"
    machine.write("/etc/systemd/system/docker.service.d/flags.conf", flags)
    machine.shell("systemctl daemon-reload && systemctl stop docker.socket && systemctl restart docker.service")

    played = machine.play()
    assert played.code == 2, played.printed
    assert "has the old one again" in played.message
    assert json.loads(machine.shell("cat /etc/docker/daemon.json")) == json.loads(old)
    assert machine.shell("systemctl is-active docker.service") == "active"
