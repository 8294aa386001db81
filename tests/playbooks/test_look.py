"""The script that looks at a machine: one line of JSON, whatever is missing or odd.

Stand-ins on PATH play docker, nvidia-smi and systemctl; they leave out everything but what the script asks.
"""

import json
import os
import stat
import subprocess

import pytest

from zephyr_deploy.resources import resource

BOOLEANS = {"systemd", "sudo", "nvidia_smi", "nvidia_ctk", "nvidia_hook", "docker_command", "docker_unit"}


@pytest.fixture
def look(tmp_path):
    def run(ssh="", **programs):
        for name, body in programs.items():
            program = tmp_path / name.replace("_", "-")
            program.write_text(f"#!/bin/sh\n{body}\n")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SSH_CONNECTION": ssh}
        if not ssh:
            del env["SSH_CONNECTION"]
        script = resource("playbooks") / "roles" / "prepare" / "files" / "look.sh"
        done = subprocess.run(["sh", script], capture_output=True, text=True, timeout=60, check=True, env=env)
        assert done.stderr == ""
        assert done.stdout.count("\n") == 1
        return json.loads(done.stdout)

    return run


def test_it_says_what_this_machine_is(look):
    found = look()
    assert found["kernel"] == os.uname().release
    assert {name for name, value in found.items() if isinstance(value, bool)} == BOOLEANS
    assert found["ssh_port"] == 0


def test_it_names_the_port_that_ssh_came_by(look):
    assert look(ssh="203.0.113.9 51000 198.51.100.7 2222")["ssh_port"] == 2222


def test_it_finds_docker_and_the_gpu(look):
    found = look(
        docker="echo 27.3.1", nvidia_smi="exit 0", nvidia_ctk=":", nvidia_container_runtime_hook=":", sudo='shift; "$@"'
    )
    assert found["docker"] == "27.3.1"
    assert found["docker_command"] is found["nvidia_smi"] is found["nvidia_ctk"] is found["nvidia_hook"] is True


def test_what_does_not_work_counts_as_missing(look):
    found = look(docker="exit 1", nvidia_smi="echo 'no devices were found'; exit 6", sudo='shift; "$@"')
    assert found["docker"] == ""
    assert found["docker_command"] is True
    assert found["nvidia_smi"] is False


def test_nothing_that_a_program_says_can_break_the_json(look):
    found = look(docker="""printf '27",\\n "sudo": $(x) \\\\ \\001 `y`'""", sudo='shift; "$@"')
    assert found["docker"] == "27"


def test_units_that_are_masked_or_missing_are_quiet(look):
    states = "case $* in *daily.timer) echo loaded ;; *upgrade.timer) echo masked ;; *) echo not-found ;; esac"
    assert look(systemctl=states)["noisy_units"].split() == ["apt-daily.timer"]
