"""The playbooks parse, their roles come in the order that works, and the page about them is complete."""

import json
import re

import pytest

from zephyr_deploy.resources import resource

yaml = pytest.importorskip("yaml", reason="ansible-core is not installed: make setup")

PLAYBOOKS = sorted(resource("playbooks").glob("*.yml"))
ROLES = [
    "prepare",
    "quiet_apt",
    "packages",
    "driver",
    "docker",
    "container_toolkit",
    "docker_daemon",
    "firewall",
    "directories",
    "verify",
]


def test_each_playbook_parses(ansible):
    played = ansible("ansible-playbook", "-i", "gpu1,", "--syntax-check", *PLAYBOOKS)
    assert played.code == 0, played.printed


def test_the_roles_come_in_the_order_that_works(ansible):
    played = ansible("ansible-playbook", "-i", "gpu1,", "--list-tasks", resource("playbooks") / "prepare.yml")
    assert played.code == 0, played.printed
    named = re.findall(r"^ +(\w+) : ", played.printed, re.MULTILINE)
    assert list(dict.fromkeys(named)) == ROLES
    assert sorted(path.name for path in (resource("playbooks") / "roles").iterdir()) == sorted(ROLES)


def test_the_example_inventory_is_this_machine(ansible):
    played = ansible("ansible-inventory", "-i", resource("playbooks") / "inventory" / "example.yml", "--list")
    assert played.code == 0, played.printed
    assert json.loads(played.printed)["_meta"]["hostvars"]["this-machine"]["ansible_connection"] == "local"


def test_an_inventory_in_json_with_a_pinned_host_key_is_understood(ansible, tmp_path):
    host = {
        "ansible_host": "203.0.113.7",
        "ansible_port": 2222,
        "ansible_user": "ubuntu",
        "ansible_ssh_private_key_file": "/keys/id",
        "ansible_ssh_common_args": "-o UserKnownHostsFile=/k -o StrictHostKeyChecking=yes -o HostKeyAlias=demo",
    }
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"demo": host}}}))
    played = ansible("ansible-inventory", "-i", inventory, "--list")
    assert json.loads(played.printed)["_meta"]["hostvars"]["demo"] == host


def test_host_keys_are_checked_and_commands_pipelined(ansible):
    played = ansible("ansible-config", "dump", "--only-changed")
    assert re.search(r"HOST_KEY_CHECKING\(.*ansible\.cfg\) = True", played.printed)
    assert re.search(r"ANSIBLE_PIPELINING\(.*\) = True", played.printed)


def test_only_modules_of_ansible_core_are_used():
    words = {"name", "hosts", "tasks", "roles", "block", "rescue", "when", "loop", "register", "vars", "timeout"}
    words |= {"changed_when", "failed_when", "check_mode", "become", "loop_control", "retries", "delay", "until"}
    for path in (resource("playbooks") / "roles").glob("*/tasks/*.yml"):
        for task in tasks(yaml.safe_load(path.read_text())):
            (module,) = set(task) - words or {"block"}
            assert module == "block" or module.startswith("ansible.builtin."), f"{path}: {task['name']}"


def tasks(listed):
    for task in listed:
        yield task
        for part in ("block", "rescue"):
            yield from tasks(task.get(part, []))


def test_every_role_and_setting_is_explained():
    page = (resource("playbooks") / "README.md").read_text()
    settings = yaml.safe_load((resource("playbooks") / "roles" / "prepare" / "defaults" / "main.yml").read_text())
    missing = [name for name in [*ROLES, *settings] if f"`{name}`" not in page and not name.endswith("_list")]
    assert missing == []
    unknown = set(re.findall(r"`(prepare_\w+)", page)) - set(settings)
    assert unknown == set()
