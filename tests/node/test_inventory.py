"""ssh itself is asked what the inventory's words mean to it."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from zephyr_deploy.node.inventory import as_yaml, host_vars, inventory
from zephyr_deploy.node.sshconfig import SshHost

HOST = {"alias": "zephyr-demo", "host": "203.0.113.7", "port": 2222, "user": "ubuntu"}


@pytest.fixture
def host(tmp_path):
    def make(**changes):
        return SshHost(**{**HOST, "known_hosts": tmp_path / "a folder" / "known_hosts", **changes})

    return make


def meant(values, config):
    command = ["ssh", "-F", str(config), "-G", *shlex.split(values["ansible_ssh_common_args"]), values["ansible_host"]]
    said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    return dict(line.split(" ", 1) for line in said.splitlines())


def test_the_machine_its_user_and_its_key(host, tmp_path):
    key = tmp_path / "key"
    values = host_vars(host(identities=(key, tmp_path / "other")))
    assert {name: values[name] for name in values if name != "ansible_ssh_common_args"} == {
        "ansible_host": "203.0.113.7",
        "ansible_port": 2222,
        "ansible_user": "ubuntu",
        "ansible_ssh_private_key_file": str(key),
    }
    assert f'IdentityFile="{tmp_path / "other"}"' in shlex.split(values["ansible_ssh_common_args"])


def test_ssh_takes_the_pin_and_no_other_file_and_no_detour(host, tmp_path, config):
    config.write_text("Host *\n  ProxyCommand nc %h %p\n  StrictHostKeyChecking no\n")
    said = meant(host_vars(host()), config)
    assert said["userknownhostsfile"] == str(tmp_path / "a folder" / "known_hosts")
    assert said["globalknownhostsfile"] == "none"
    assert said["hostkeyalias"] == "zephyr-demo"
    assert said["stricthostkeychecking"] in {"true", "yes"}
    assert "proxycommand" not in said


def test_ssh_takes_the_way_through_others(host, config):
    assert meant(host_vars(host(proxy_jump="me@bastion:2200")), config)["proxyjump"] == "me@bastion:2200"
    command = "sh -c 'exec nc \"$1\" 22' - %h"
    assert meant(host_vars(host(proxy_command=command)), config)["proxycommand"] == command


def test_a_machine_without_a_pin_is_looked_up_where_ssh_does(host, config):
    said = meant(host_vars(host(), pinned=False), config)
    assert "known_hosts" in said["userknownhostsfile"]
    assert "a folder" not in said["userknownhostsfile"]
    assert said["stricthostkeychecking"] in {"true", "yes"}
    assert "hostkeyalias" not in said


def test_where_nobody_is_there_nobody_is_asked(host, config):
    assert meant(host_vars(host(), batch=True), config)["batchmode"] == "yes"
    assert meant(host_vars(host()), config)["batchmode"] == "no"


def test_the_yaml_is_what_was_said(host):
    yaml = pytest.importorskip("yaml", reason="ansible-core is not installed: make setup")
    said = inventory({"zephyr-demo": {**host_vars(host()), "prepare_docker_package": 'a "b": #c\n'}})
    assert yaml.safe_load(as_yaml(said)) == json.loads(json.dumps(said))
