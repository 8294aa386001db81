"""Runs Ansible as users run it: the program, in a process of its own, with the playbooks' own configuration."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from zephyr_deploy.resources import resource

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
