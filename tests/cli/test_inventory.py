from __future__ import annotations

import json
from pathlib import Path

import pytest

from zephyr_deploy.cli.main import main
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.knownhosts import HostKey, PinFile
from zephyr_deploy.providers.nodes.connect import pin_file
from zephyr_deploy.providers.nodes.record import NodesRecord

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJgmyl+3sKQIRRRFMgpAR9jmoGrmy2e+8pV8ISYAgk5"


@pytest.fixture
def noted():
    addresses = (NodeAddress(host="192.0.2.1", user="ubuntu", port=22), NodeAddress(host="192.0.2.2", user="ubuntu"))
    NodesRecord(name="demo", provider="ssh", nodes=addresses).save()
    PinFile(pin_file("demo")).pin(HostKey.parse(KEY), "zephyr-demo-192-0-2-1")


def said(capsys, *words):
    assert main(["inventory", *words, "-o", "json"]) == 0
    return json.loads(capsys.readouterr().out)["data"]["all"]["hosts"]


def test_the_machines_of_the_note_each_pinned_by_its_own_name(noted, capsys):
    hosts = said(capsys, "demo")
    assert list(hosts) == ["zephyr-demo-192-0-2-1", "zephyr-demo-192-0-2-2"]
    one, two = (host["ansible_ssh_common_args"] for host in hosts.values())
    assert "HostKeyAlias=zephyr-demo-192-0-2-1" in one
    assert "HostKeyAlias" not in two, "it has never been reached: its key is not pinned yet"
    assert "StrictHostKeyChecking=yes" in two


def test_the_machines_of_the_file_with_the_playbooks_settings(capsys):
    Path("zephyr.toml").write_text(
        'name = "demo"\nprovider = "ssh"\n[machine]\nhost = "gpu1"\nuser = "ubuntu"\nssh_port = 2222\n'
        '[machine.prepare]\nprepare_docker_package = "distribution"\n'
    )
    ((name, host),) = said(capsys).items()
    assert name == "zephyr-demo"
    assert (host["ansible_host"], host["ansible_port"], host["ansible_user"]) == ("gpu1", 2222, "ubuntu")
    assert host["prepare_docker_package"] == "distribution"


def test_people_get_a_file_for_ansible_and_are_told_how_to_use_it(noted, capsys):
    assert main(["inventory", "demo"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("all:\n  hosts:\n    zephyr-demo-192-0-2-1:\n")
    assert "ansible-playbook -i hosts.yml" in err
    assert "prepare.yml" in err
    assert main(["inventory", "demo", "-o", "quiet"]) == 0
    assert capsys.readouterr().out == "zephyr-demo-192-0-2-1\nzephyr-demo-192-0-2-2\n"


def test_a_deployment_of_this_machine_has_none(capsys):
    assert main(["inventory"]) == 3
    assert "--provider ssh --host HOST" in capsys.readouterr().err
