"""From a machine that has neither Docker nor Python to tokens; and a machine that is ready runs no Ansible."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from lab.apt import share_apt
from lab.boot import STAND_INS, TOOLKIT
from lab.cards import A100

from zephyr_deploy import smoke, up
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.reach import reached
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.paths import deployment_dir
from zephyr_deploy.spec.deployment import Deployment, Machine

PYTHON = "apt-get purge -y -q python3-minimal >/dev/null 2>&1; command -v python3 || true"


@pytest.fixture
def bare(node_factory, home, lab, monkeypatch):
    """A machine with a card, its driver and the container toolkit, for which no repository stands in; and no more.

    Its Docker needs a disk: the container's own cannot carry another overlay.
    """
    monkeypatch.setenv("HF_ENDPOINT", lab.hub_url)
    toolkit = {f"/usr/bin/{program}": (STAND_INS / program).read_text() for program in TOOLKIT}
    node = node_factory(docker=False, card=A100, disks={"/var/lib/docker": 2048}, files=toolkit)
    share_apt(node)
    assert node.exec(PYTHON).stdout == ""
    return node


@pytest.fixture
def wanted(bare):
    machine = Machine(
        host=bare.address,
        user=bare.user,
        identity=str(bare.key),
        prepare={"prepare_docker_package": "distribution"},
    )
    return Deployment(name="zephyr", provider="ssh", machine=machine)


def killed_while_docker_comes(wanted, node):
    """An `up` that is killed with -9 while Ansible works; what it had begun there may go on for a while."""
    said = wanted.model_dump_json(exclude_unset=True)
    program = str(Path(__file__).with_name("killed_preparing.py"))
    command = [sys.executable, program, said, node.host_key_fingerprint]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_up_prepares_a_bare_machine_once_and_serves(bare, wanted, request):
    trust = Trust(fingerprint=bare.host_key_fingerprint)
    with pytest.raises(ConfigError, match=r"has no Python 3\.8 or newer"):
        up(wanted, rollout_options=RolloutOptions(trust=trust, prepare=False))
    assert bare.exec("command -v docker || true").stdout == ""

    killed_while_docker_comes(wanted, bare)
    result = up(wanted, rollout_options=RolloutOptions(trust=trust))
    assert result.service.state == "ready"
    phases = [phase.phase for phase in result.phases]
    assert phases[: phases.index("plan")] == ["connect", "look", "prepare", "connect", "look", "model-facts"]
    with reached("zephyr") as endpoint:
        assert smoke(endpoint).passed
    assert bare.exec("docker info --format '{{.CgroupDriver}} {{.LiveRestoreEnabled}}'").stdout == "cgroupfs true\n"
    log = deployment_dir("zephyr") / "prepare.log"
    assert log.stat().st_mode & 0o777 == 0o600
    assert "PLAY RECAP" in log.read_text()
    steps = [(entry.step, entry.stage) for entry in Journal("zephyr", run="").entries()]
    assert steps[:4] == [("pin", "done"), ("prepare", "intent"), ("prepare", "intent"), ("prepare", "done")]

    # From here on Ansible is a stand-in that would leave a trace.
    ansible = request.getfixturevalue("ansible")
    again = up(wanted, rollout_options=RolloutOptions(trust=trust))
    assert (again.changed, again.release) == (False, result.release)
    assert not ansible.ran
