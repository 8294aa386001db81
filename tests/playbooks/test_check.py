"""The playbooks run on this machine, and change nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from zephyr_deploy.resources import resource

PROGRAM = Path(sys.executable).parent / "ansible-playbook"

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="ansible-core is not installed: make setup")


def run(tmp_path, *arguments):
    playbooks = resource("playbooks")
    command = [PROGRAM, "-i", playbooks / "inventory" / "example.yml", playbooks / "check.yml", *arguments]
    # Ansible refuses a locale that is not UTF-8, as a bare container's
    env = {**os.environ, "LC_ALL": "C.UTF-8", "ANSIBLE_HOME": str(tmp_path), "ANSIBLE_NOCOLOR": "1"}
    env["ANSIBLE_LOCALHOST_WARNING"] = "0"
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=env)


def summary(printed):
    (found,) = re.findall(r"^ok: \[this-machine\] => (\{\n.*?^\})$", printed, re.DOTALL | re.MULTILINE)
    return json.loads(found)["check_found"]


def test_a_machine_that_can_serve_passes_and_nothing_changes(tmp_path):
    done = run(tmp_path, "-e", "check_memory_mb=1", "-e", "check_disk_gb=0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"ok=\d+ +changed=0 +unreachable=0 +failed=0", done.stdout)
    found = summary(done.stdout)
    assert found["system"] == "Linux"
    assert int(found["processors"]) >= 1
    assert int(found["memory_mb"]) > 1
    assert int(found["disk_free_gb"]) == pytest.approx(shutil.disk_usage("/").free / 1e9, abs=2)
    assert isinstance(found["gpus"], list)
    if found["architecture"] == "x86_64":
        assert found["avx2"] is ("avx2" in Path("/proc/cpuinfo").read_text().split())


def test_a_machine_that_cannot_is_refused_with_every_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{PROGRAM.parent}:/usr/bin:/bin")
    wishes = ("check_memory_mb=999999999", "check_gpu=true", "check_gpu_disk_gb=0")
    done = run(tmp_path, *(word for wish in wishes for word in ("-e", wish)))
    assert done.returncode == 2
    assert re.search(r"MB of memory; at least 999999999 are needed", done.stdout)
    if not (Path("/usr/bin") / "nvidia-smi").exists():
        assert "install the NVIDIA driver" in done.stdout
