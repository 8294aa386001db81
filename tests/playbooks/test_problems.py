"""A machine that cannot be prepared is refused, with every reason and what to do about it."""

import json

from zephyr_deploy.resources import resource

GOOD = {
    "id": "debian",
    "version": "12",
    "name": "Debian GNU/Linux 12 (bookworm)",
    "architecture": "amd64",
    "user": "ubuntu",
    "systemd": True,
    "sudo": True,
    "read_only": "",
    "python": "3.11",
    "docker": "",
    "docker_command": False,
    "docker_unit": False,
    "nvidia_smi": False,
    "nvidia_oldest": "",
}
CASES = {
    "good": ({}, {}, []),
    "good Ubuntu": ({"id": "ubuntu", "version": "24.04"}, {}, []),
    "no Python yet": ({"python": ""}, {}, []),
    "Docker stopped": ({"docker_command": True, "docker_unit": True}, {}, []),
    "system": ({"id": "fedora", "version": "43", "name": "Fedora 43"}, {}, ["this is Fedora 43."]),
    "old Ubuntu": ({"id": "ubuntu", "version": "20.04", "name": ""}, {}, ["this is ubuntu 20.04."]),
    "processor": ({"architecture": "riscv64"}, {}, ["this is riscv64"]),
    "no systemd": ({"systemd": False}, {}, ["systemd does not run"]),
    "no sudo": ({"sudo": False, "read_only": "/opt "}, {}, ["ubuntu ALL=(ALL) NOPASSWD:ALL"]),
    "read-only": ({"read_only": "/opt /usr "}, {}, ["Not writable: /opt /usr."]),
    "old Python": ({"python": "3.7"}, {}, ["python3 is 3.7"]),
    "old Docker": ({"docker": "19.03.5", "docker_unit": True}, {}, ["this is 19.03.5"]),
    "Docker without its service": ({"docker_command": True, "docker": "27.0"}, {}, ["no docker.service"]),
    "no GPU": ({}, {"prepare_gpu": "true", "prepare_has_gpu": True}, ["there is no NVIDIA device"]),
    "GPU without driver": ({"nvidia_oldest": "0x2330"}, {"prepare_gpu": True, "prepare_has_gpu": True}, []),
    "what is GPU": ({}, {"prepare_gpu": "perhaps"}, ["not perhaps"]),
    "what is Docker": ({}, {"prepare_docker_package": "podman"}, ["not podman"]),
    "ports": ({}, {"prepare_open_ports": "443,0,x", "prepare_open_cidrs": "10.0.0.0/8"}, ['"0"', '"x"']),
    "one port, as a number": ({}, {"prepare_open_ports": 443, "prepare_open_cidrs": ["::/0"]}, []),
    "networks": ({}, {"prepare_open_ports": [443], "prepare_open_cidrs": ["10.0.0.1; drop"]}, ["10.0.0.1; drop"]),
    "ports for nobody": ({}, {"prepare_open_ports": [443]}, ["prepare_open_ports needs prepare_open_cidrs"]),
    "two reasons": ({"id": "nixos", "systemd": False}, {}, ["this is", "systemd"]),
}


def test_reasons(ansible):
    cases = [
        {"prepare_found": {**GOOD, **found}, "prepare_has_gpu": False, **more} for found, more, _ in CASES.values()
    ]
    rendered = ansible.render("prepare/templates/problems.json.j2", cases)
    said = dict(zip(CASES, map(json.loads, rendered), strict=True))
    assert {case: problems for case, problems in said.items() if not fits(problems, CASES[case][2])} == {}


def fits(problems, parts):
    """Whether each problem is a sentence that has its part, and there are no others."""
    return len(problems) == len(parts) and all(
        part in problem and problem.endswith(".") for problem, part in zip(problems, parts, strict=True)
    )


def test_the_playbook_stops_at_the_reason(ansible):
    inventory = resource("playbooks") / "inventory" / "example.yml"
    # A dry run, so that a check that fails to refuse changes nothing here.
    arguments = ["--check", "-e", '{"prepare_systems": ["plan9 4"]}']
    played = ansible("ansible-playbook", "-i", inventory, resource("playbooks") / "prepare.yml", *arguments)
    assert played.code == 2, played.printed
    assert played.message.startswith("Only plan9 4 are supported; this is ")
    assert played.changed == 0
    assert "quiet_apt" not in played.printed
