"""Machines behind an emulated cloud are real: they boot as a cloud's do, and end as they like."""

import subprocess
from contextlib import contextmanager

import pytest
from emulators.lab_machines import LabMachines
from lab.cards import A10G
from lab.keys import make_key
from lab.waiting import wait_for

DATA = """\
#!/bin/sh
id -un > /run/user-data-ran
"""


@contextmanager
def machines_of(lab, folder):
    machines = LabMachines(lab, folder, A10G)
    try:
        yield machines
    finally:
        machines.remove_all()


def shown_key(text):
    """The ed25519 host key that a console shows, ``type base64``."""
    within = text.partition("-----BEGIN SSH HOST KEY KEYS-----")[2].partition("-----END SSH HOST KEY KEYS-----")[0]
    return next((" ".join(line.split()[:2]) for line in within.splitlines() if line.startswith("ssh-ed25519 ")), None)


class Desk:
    """Logs in to a machine as OpenSSH does, with the host key pinned that its console shows."""

    def __init__(self, machines, machine, folder):
        self.machines, self.machine, self.folder = machines, machine, folder
        self.host_key = wait_for(lambda: shown_key(machines.console(machine)))

    def ssh(self, user, key, command):
        address = self.machines.address(self.machine)
        file, known = self.folder / f"{hash(key.public)}.key", self.folder / "known_hosts"
        file.write_text(key.private)
        file.chmod(0o600)
        known.write_text(f"{address} {self.host_key}\n")
        options = [f"-oUserKnownHostsFile={known}", "-oStrictHostKeyChecking=yes", "-oBatchMode=yes"]
        options += ["-oIdentitiesOnly=yes", "-oConnectTimeout=10", "-F/dev/null", f"-i{file}"]
        line = ["ssh", *options, f"{user}@{address}", command]
        return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def key():
    return make_key()


@pytest.fixture(scope="module")
def machines(lab, tmp_path_factory):
    with machines_of(lab, tmp_path_factory.mktemp("machines")) as machines:
        yield machines


@pytest.fixture(scope="module")
def launched(machines, key):
    """A machine as one of AWS is launched."""
    machines.launch("i-0abc", user="ubuntu", keys=[key.public], user_data=DATA)
    return "i-0abc"


@pytest.fixture
def desk(machines, launched, tmp_path):
    return Desk(machines, launched, tmp_path)


def test_it_is_launched_at_once_and_boots_by_itself(machines, launched):
    wait_for(lambda: machines.power(launched) == "on")
    assert machines.address(launched)


def test_its_console_shows_the_key_that_its_sshd_has(desk, key):
    """OpenSSH refuses any other."""
    answer = desk.ssh("ubuntu", key, "sudo cat /run/user-data-ran; nvidia-smi -L; docker info --format ok")
    assert answer.stdout.splitlines()[0] == "root", answer.stderr
    assert "A10G" in answer.stdout
    assert answer.stdout.endswith("ok\n")
    wrong = make_key()
    desk.host_key = wrong.public
    assert "Host key verification failed" in desk.ssh("ubuntu", key, "true").stderr


def test_root_is_told_to_log_in_as_the_user(desk, key):
    """As on AWS."""
    assert 'Please login as the user "ubuntu"' in desk.ssh("root", key, "timeout 1 id").stdout


def test_one_more_key_is_admitted(desk, key):
    other = make_key()
    assert "Permission denied" in desk.ssh("ubuntu", other, "true").stderr
    desk.machines.admit(desk.machine, "ubuntu", other.public)
    assert desk.ssh("ubuntu", other, "id -un").stdout == "ubuntu\n"
    assert desk.ssh("ubuntu", key, "id -un").stdout == "ubuntu\n"


def test_a_machine_that_powers_itself_off_is_off_until_it_is_switched_on(desk, key):
    machines, machine = desk.machines, desk.machine
    address = machines.address(machine)
    desk.ssh("ubuntu", key, "sudo systemctl poweroff")
    wait_for(lambda: machines.power(machine) == "off", 30)
    machines.power_off(machine)
    machines.power_on(machine)
    assert machines.power(machine) == "on"
    assert machines.address(machine) == address
    wait_for(lambda: desk.ssh("ubuntu", key, "id -un").stdout == "ubuntu\n")
    machines.power_off(machine)
    assert machines.power(machine) == "off"


def test_where_root_logs_in_it_may(machines, key, tmp_path, lab):
    """As on E2E, which passes no user data on; and what is deleted is gone."""
    machines.launch("205", user="root", keys=[key.public], user_data="")
    assert (machines.power("205"), machines.address("205"), machines.console("205")) == ("booting", None, "")
    desk = Desk(machines, "205", tmp_path)
    assert desk.ssh("root", key, "id -un; hostname").stdout.splitlines() == ["root", "205"]
    assert "Cloud-init v." in machines.console("205")
    name = machines.node("205").name
    machines.delete("205")
    machines.delete("205")
    assert machines.power("205") == "off"
    assert not lab.docker.exists("container", name)
