"""Runs Ansible as users run it: the program, in a process of its own, with the playbooks' own configuration."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lab.apt import share_apt

from zephyr_deploy.resources import resource

if TYPE_CHECKING:
    from lab.node import Node

PROGRAMS = Path(sys.executable).parent
FAILED = re.compile(r"^(?:fatal|failed): \[[^\]]+\].*?(?:=> )(\{.*\})$", re.MULTILINE)
RECAP = re.compile(r"ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)")


@dataclass(frozen=True)
class Played:
    """What one run of Ansible ended with."""

    code: int
    printed: str

    @property
    def changed(self):
        return int(RECAP.search(self.printed)[2])

    @property
    def message(self):
        """Why it failed: the last failure is the one that was not rescued."""
        return json.loads(FAILED.findall(self.printed)[-1])["msg"]


class Ansible:
    def __init__(self, home):
        self.home = home
        # Ansible refuses a locale that is not UTF-8, as a bare container's
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(resource("playbooks") / "ansible.cfg"),
            "ANSIBLE_HOME": str(home),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_NOCOLOR": "1",
        }

    def __call__(self, program, *arguments, timeout_s=100):
        command = [PROGRAMS / program, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False, env=self.env)
        return Played(code=done.returncode, printed=done.stdout + done.stderr)

    def render(self, template, cases):
        """What a role's template says for each of the cases, which are variables beside the roles' defaults."""
        given, said = self.home / "cases.json", self.home / "said.json"
        given.write_text(json.dumps({"cases": cases, "template": str(resource("playbooks") / "roles" / template)}))
        render = Path(__file__).with_name("render.yml")
        defaults = resource("playbooks") / "roles" / "prepare" / "defaults" / "main.yml"
        played = self(
            "ansible-playbook", "-i", "localhost,", render, "-e", f"@{given}", "-e", f"said={said} defaults={defaults}"
        )
        assert played.code == 0, played.printed
        return json.loads(said.read_text())


@pytest.fixture(scope="session")
def ansible(tmp_path_factory):
    if not (PROGRAMS / "ansible-playbook").exists():
        pytest.skip("ansible-core is not installed: make setup")
    return Ansible(tmp_path_factory.mktemp("ansible"))


@dataclass(frozen=True)
class Machine:
    """A node of the lab as Ansible sees it: over SSH, with its host key known beforehand."""

    node: "Node"
    ansible: Ansible
    inventory: Path

    def play(self, *arguments):
        playbook = resource("playbooks") / "prepare.yml"
        return self.ansible("ansible-playbook", "-i", self.inventory, playbook, *arguments, timeout_s=400)

    def shell(self, command):
        """What a command prints on the node, run by root past the network."""
        return self.node.exec(command, timeout_s=300).stdout.strip()

    def write(self, path, text):
        self.node.exec(f"mkdir -p $(dirname {path}) && cat >{path}", stdin=text)

    @property
    def daemon_json(self):
        """Docker's configuration."""
        return json.loads(self.shell("cat /etc/docker/daemon.json"))

    @property
    def docker_started(self):
        """When Docker was started last, in words of systemd's."""
        return self.shell("systemctl show --property ActiveEnterTimestampMonotonic docker.service")

    @property
    def gateway(self):
        """This machine's address, as the node sees it."""
        return self.node.lab.subnet[1]


@pytest.fixture
def machine(ansible, node_factory, tmp_path):
    """Makes a `Machine`; takes what `lab.boot.NodeSpec` takes."""

    def make(**wishes):
        node = node_factory(**wishes)
        known = tmp_path / "known_hosts"
        known.write_text(f"{node.name} {node.host_key}\n")
        pinned = f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes -o HostKeyAlias={node.name}"
        host = {
            "ansible_host": node.address,
            "ansible_port": node.port,
            "ansible_user": node.user,
            "ansible_ssh_private_key_file": str(node.key),
            "ansible_ssh_common_args": pinned,
        }
        inventory = tmp_path / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": {node.name: host}}}))
        made = Machine(node, ansible, inventory)
        share_apt(node)
        return made

    return make


@pytest.fixture
def bare(machine):
    """A machine without Docker. Its Docker will need a disk: the container's own cannot carry another overlay."""
    return machine(docker=False, disks={"/var/lib/docker": 2048})


@pytest.fixture
def with_docker(machine):
    return machine()
