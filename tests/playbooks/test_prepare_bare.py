"""prepare.yml on a bare machine of the lab: systemd, sshd and apt of its own, and a repository like Docker's."""

from pathlib import Path

import pytest

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


@pytest.mark.long
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
    assert bare.daemon_json["log-opts"] == {"max-size": "50m", "max-file": "3"}
    assert bare.shell(f"stat -c '%a %U' {' '.join(FOLDERS)}").splitlines() == ["755 root"] * 3
    assert bare.shell("systemctl is-enabled apt-daily.timer || true") == "masked"
    assert "GPU: none" in first.printed

    since = bare.docker_started
    second = bare.play(*settings)
    assert (second.code, second.changed) == (0, 0), second.printed
    assert bare.docker_started == since


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
