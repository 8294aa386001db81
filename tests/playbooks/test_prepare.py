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


def test_a_bare_machine_gets_everything_and_nothing_twice(bare):
    bare.shell("systemctl unmask apt-daily.timer && systemctl start apt-daily.timer")
    dry = bare.play(*DISTRIBUTION, "--check")
    assert dry.code == 0, dry.printed
    assert bare.shell("systemctl is-active apt-daily.timer") == "active"
    assert bare.shell("ls /opt; command -v docker || true") == ""

    first = bare.play(*DISTRIBUTION)
    assert first.code == 0, first.printed
    assert first.changed > 0
    assert bare.shell("docker info --format '{{.CgroupDriver}} {{.LiveRestoreEnabled}} {{.LoggingDriver}}'") == (
        "cgroupfs true json-file"
    )
    assert daemon_json(bare)["log-opts"] == {"max-size": "50m", "max-file": "3"}
    assert bare.shell(f"stat -c '%a %U' {' '.join(FOLDERS)}").splitlines() == ["755 root"] * 3
    assert bare.shell("systemctl is-enabled apt-daily.timer || true") == "masked"
    assert "GPU: none" in first.printed

    since = started(bare)
    second = bare.play(*DISTRIBUTION)
    assert (second.code, second.changed) == (0, 0), second.printed
    assert started(bare) == since


def test_docker_comes_from_a_repository_that_the_one_key_signed(bare):
    bare.write("/root/repository.sh", Path(__file__).with_name("repository.sh").read_text())
    fingerprint = bare.shell("sh /root/repository.sh /srv/apt 2>/dev/null").splitlines()[-1]
    settings = ("-e", "prepare_docker_url=file:/srv/apt", "-e", "prepare_docker_key_url=file:///srv/apt/gpg")

    refused = bare.play(*settings)
    assert refused.code == 2, refused.printed
    assert "apt cannot use file:/srv/apt with the key 9DC858229FC7DD38854AE2D88D81803C0EBFCD88" in refused.message
    assert "prepare_docker_package=distribution" in refused.message
    assert bare.shell("ls /etc/apt/keyrings; ls /etc/apt/sources.list.d | grep docker || true") == ""
    bare.shell("apt-get update -qq")

    known = (*settings, "-e", f"prepare_docker_fingerprint={fingerprint}")
    first = bare.play(*known)
    assert first.code == 0, first.printed
    assert bare.shell("dpkg-query -W -f '${db:Status-Status}' docker-ce") == "installed"
    assert bare.shell("docker info --format '{{.CgroupDriver}}'") == "cgroupfs"
    second = bare.play(*known)
    assert (second.code, second.changed) == (0, 0), second.printed


def test_a_machine_with_docker_keeps_it_and_its_configuration(with_docker):
    theirs = {"insecure-registries": ["registry.test:5000"], "exec-opts": ["native.cgroupdriver=systemd"], "mtu": 1400}
    with_docker.write("/etc/docker/daemon.json", json.dumps(theirs))
    packages = with_docker.shell("dpkg -l | grep -i docker")

    first = with_docker.play()
    assert first.code == 0, first.printed
    assert daemon_json(with_docker) == {
        **theirs,
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "live-restore": True,
        "log-driver": "json-file",
        "log-opts": {"max-size": "50m", "max-file": "3"},
    }
    assert "registry.test:5000" in with_docker.shell("docker info")
    assert with_docker.shell("dpkg -l | grep -i docker") == packages

    since = started(with_docker)
    second = with_docker.play()
    assert (second.code, second.changed) == (0, 0), second.printed
    assert started(with_docker) == since


def test_a_docker_that_refuses_the_configuration_gets_its_old_one_back(with_docker):
    """A setting may not stand on dockerd's command line and in its file; only its start can tell."""
    old = '{"mtu": 1400}'
    with_docker.write("/etc/docker/daemon.json", old)
    flags = "[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H unix:///var/run/docker.sock --live-restore\n"
    with_docker.write("/etc/systemd/system/docker.service.d/flags.conf", flags)
    with_docker.shell("systemctl daemon-reload && systemctl stop docker.socket && systemctl restart docker.service")

    played = with_docker.play()
    assert played.code == 2, played.printed
    assert "has the old one again" in played.message
    assert json.loads(with_docker.shell("cat /etc/docker/daemon.json")) == json.loads(old)
    assert with_docker.shell("systemctl is-active docker.service") == "active"


def test_a_broken_configuration_is_named_and_kept(with_docker):
    with_docker.write("/etc/docker/daemon.json", "{")
    played = with_docker.play()
    assert played.code == 2, played.printed
    assert played.message == "/etc/docker/daemon.json is not a JSON object: put it right first. It says: {"
    assert with_docker.shell("cat /etc/docker/daemon.json") == "{"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("rm -f /etc/sudoers.d/*; sed -i '/NOPASSWD/d' /etc/sudoers", "cannot use sudo without a password"),
        ("mount -t tmpfs -o ro tmpfs /opt", "Not writable: /opt."),
        ("printf 'ID=arch\\nPRETTY_NAME=Arch\\n' >/etc/os-release", "this is Arch."),
    ],
    ids=["no sudo", "read-only /opt", "unsupported system"],
)
def test_what_cannot_be_prepared_is_refused_before_anything_changes(bare, spoil, reason):
    bare.shell(spoil)
    before = bare.shell("dpkg -l | sha256sum; ls -laR /etc /var/lib/systemd | sha256sum")
    played = bare.play(*DISTRIBUTION)
    assert played.code == 2, played.printed
    assert reason in played.message
    assert played.changed == 0
    assert bare.shell("dpkg -l | sha256sum; ls -laR /etc /var/lib/systemd | sha256sum") == before


def test_who_holds_apts_lock_is_named_when_the_wait_is_over(bare):
    bare.write("/root/hold.py", HOLD)
    bare.shell("systemd-run --quiet python3 /root/hold.py; sleep 1")
    played = bare.play(*DISTRIBUTION, "-e", "prepare_apt_lock_seconds=2")
    assert played.code == 2, played.printed
    assert "after 2 s at most" in played.message
    assert "held by process" in played.message


def test_a_gpu_gets_its_runtime_and_a_container_sees_it(machine):
    gpu = machine(card=L4, preload=True)
    image = ("-e", f"prepare_test_image={gpu.node.lab.tgi_image}")
    first = gpu.play(*image)
    assert first.code == 0, first.printed
    assert "GPU: NVIDIA L4, 23034 MiB, 570.133.20" in first.printed
    assert daemon_json(gpu)["runtimes"]["nvidia"]["path"] == "nvidia-container-runtime"
    assert daemon_json(gpu)["live-restore"] is True
    assert "nvidia" in gpu.shell("docker info --format '{{json .Runtimes}}'")
    gpu.shell("mv /usr/bin/nvidia-container-runtime-hook /root/")
    blind = gpu.play(*image)
    assert blind.code == 2, blind.printed
    assert "does not run" in blind.message
    gpu.shell("mv /root/nvidia-container-runtime-hook /usr/bin/")
    second = gpu.play(*image)
    assert (second.code, second.changed) == (0, 0), second.printed


def test_a_machine_without_the_gpu_that_was_asked_for_is_refused(with_docker):
    played = with_docker.play("-e", "prepare_gpu=true")
    assert played.code == 2, played.printed
    assert "there is no NVIDIA device" in played.message


def test_an_image_that_does_not_run_is_named(with_docker):
    played = with_docker.play("-e", "prepare_test_image=localhost:1/nothing:1")
    assert played.code == 2, played.printed
    assert played.message.startswith("localhost:1/nothing:1 does not run: ")


def reachable(machine, port):
    try:
        with socket.create_connection((machine.node.address, port), timeout=3):
            return True
    except OSError:
        return False


def serve(machine, port):
    machine.shell(f"systemd-run --quiet python3 -m http.server {port}; sleep 1")


def test_the_firewall_lets_in_ssh_and_named_ports_and_survives_a_reboot(with_docker):
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
    second = with_docker.play(*settings)
    assert (second.code, second.changed) == (0, 0), second.printed

    with_docker.node.reboot()
    assert with_docker.shell("nft list table inet zephyr_deploy | grep -c policy.drop") == "1"
    assert with_docker.shell("iptables-save -t filter | grep -v '^#' | sed 's/\\[.*//'") == rules
    serve(with_docker, 8001)
    serve(with_docker, 8002)
    assert reachable(with_docker, 8001)
    assert not reachable(with_docker, 8002)
    third = with_docker.play(*settings)
    assert (third.code, third.changed) == (0, 0), third.printed
