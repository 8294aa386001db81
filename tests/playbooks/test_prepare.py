"""prepare.yml on real machines of the lab: systemd, sshd, apt and a Docker of their own.

A GPU is a card that the lab's nvidia-smi names; that the driver installs is not shown here.
"""

import json
import socket
from pathlib import Path

import pytest
from lab.cards import L4

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

DISTRIBUTION = ("-e", "prepare_docker_package=distribution")
FOLDERS = ("/opt/zephyr-deploy", "/var/lib/zephyr-deploy", "/var/lib/zephyr-deploy/data")

CONTENT = "dpkg -l | sha256sum; ls -laR /etc /var/lib/systemd | sha256sum"
HOLD = """
import fcntl, time
lock = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
time.sleep(300)
"""


def daemon_json(machine):
    return json.loads(machine.shell("cat /etc/docker/daemon.json"))


def started(machine):
    return machine.shell("systemctl show --property ActiveEnterTimestampMonotonic docker.service")


def test_a_bare_machine_is_refused_or_gets_everything_and_nothing_twice(bare):
    """One machine, step by step: what stands in the way, then Docker from a repository that its one key has signed."""
    refused_before_anything_changes(bare, without_sudo(bare), "cannot use sudo without a password", "this is Arch.")
    refused_before_anything_changes(bare, ("umount /opt", "mount -t tmpfs -o ro tmpfs /opt"), "Not writable: /opt.")
    without_a_gpu_none_can_be_wanted(bare)
    a_dry_run_changes_nothing(bare)
    who_holds_apts_lock_is_named(bare)

    bare.write("/root/repository.sh", Path(__file__).with_name("repository.sh").read_text())
    fingerprint = bare.shell("sh /root/repository.sh /srv/apt 2>/dev/null").splitlines()[-1]
    settings = ("-e", "prepare_docker_url=file:/srv/apt", "-e", "prepare_docker_key_url=file:///srv/apt/gpg")
    a_repository_with_another_key_is_taken_off_again(bare, settings)
    settings += ("-e", f"prepare_docker_fingerprint={fingerprint}")

    first = bare.play(*settings)
    assert first.code == 0, first.printed
    assert first.changed > 0
    assert bare.shell("dpkg-query -W -f '${db:Status-Status}' docker-ce") == "installed"
    assert bare.shell("docker info --format '{{.CgroupDriver}} {{.LiveRestoreEnabled}} {{.LoggingDriver}}'") == (
        "cgroupfs true json-file"
    )
    assert daemon_json(bare)["log-opts"] == {"max-size": "50m", "max-file": "3"}
    assert bare.shell(f"stat -c '%a %U' {' '.join(FOLDERS)}").splitlines() == ["755 root"] * 3
    assert bare.shell("systemctl is-enabled apt-daily.timer || true") == "masked"
    assert "GPU: none" in first.printed

    since = started(bare)
    second = bare.play(*settings)
    assert (second.code, second.changed) == (0, 0), second.printed
    assert started(bare) == since


def without_sudo(machine):
    """What undoes it, and what takes sudo away and makes another system of it."""
    machine.shell("cp -a /etc/sudoers /etc/sudoers.d /root/ && cp -aL /etc/os-release /root/")
    spoil = "rm -f /etc/sudoers.d/*; sed -i '/NOPASSWD/d' /etc/sudoers; "
    spoil += "printf 'ID=arch\\nPRETTY_NAME=Arch\\n' >/etc/os-release"
    return "cp -a /root/sudoers /root/sudoers.d /etc/ && cat /root/os-release >/etc/os-release", spoil


def refused_before_anything_changes(machine, undo_and_spoil, *reasons):
    undo, spoil = undo_and_spoil
    machine.shell(spoil)
    before = machine.shell(CONTENT)
    played = machine.play(*DISTRIBUTION)
    assert played.code == 2, played.printed
    for reason in reasons:
        assert reason in played.message
    assert played.changed == 0
    assert machine.shell(CONTENT) == before
    machine.shell(undo)


def without_a_gpu_none_can_be_wanted(machine):
    played = machine.play("-e", "prepare_gpu=true")
    assert (played.code, played.changed) == (2, 0), played.printed
    assert "there is no NVIDIA device" in played.message


def who_holds_apts_lock_is_named(machine):
    machine.write("/root/hold.py", HOLD)
    machine.shell("systemd-run --quiet --unit hold python3 /root/hold.py; sleep 1")
    played = machine.play(*DISTRIBUTION, "-e", "prepare_apt_lock_seconds=2")
    assert played.code == 2, played.printed
    assert "after 2 s at most" in played.message
    assert "held by process" in played.message
    machine.shell("systemctl stop hold")


def a_dry_run_changes_nothing(machine):
    machine.shell("systemctl unmask apt-daily.timer && systemctl start apt-daily.timer")
    dry = machine.play(*DISTRIBUTION, "--check")
    assert dry.code == 0, dry.printed
    assert machine.shell("systemctl is-active apt-daily.timer") == "active"
    assert machine.shell("ls /opt; command -v docker || true") == ""


def a_repository_with_another_key_is_taken_off_again(machine, settings):
    refused = machine.play(*settings)
    assert refused.code == 2, refused.printed
    assert "apt cannot use file:/srv/apt with the key 9DC858229FC7DD38854AE2D88D81803C0EBFCD88" in refused.message
    assert "prepare_docker_package=distribution" in refused.message
    assert machine.shell("ls /etc/apt/keyrings; ls /etc/apt/sources.list.d | grep docker || true") == ""
    machine.shell("apt-get update -qq")


def test_a_machine_with_docker_and_a_gpu_keeps_them_and_a_container_sees_the_gpu(machine):
    gpu = machine(card=L4, preload=True)
    theirs = {"insecure-registries": ["registry.test:5000"], "exec-opts": ["native.cgroupdriver=systemd"], "mtu": 1400}
    gpu.write("/etc/docker/daemon.json", json.dumps(theirs))
    packages = gpu.shell("dpkg -l | grep -i docker")
    image = ("-e", f"prepare_test_image={gpu.node.lab.tgi_image}")

    first = gpu.play(*image)
    assert first.code == 0, first.printed
    assert "GPU: NVIDIA L4, 23034 MiB, 570.133.20" in first.printed
    said = daemon_json(gpu)
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

    since = started(gpu)
    gpu.shell("rm /usr/bin/nvidia-container-runtime-hook")
    blind = gpu.play(*image)
    assert (blind.code, blind.changed) == (2, 0), blind.printed
    assert blind.message.startswith(f"{gpu.node.lab.tgi_image} does not run: ")
    assert started(gpu) == since


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
