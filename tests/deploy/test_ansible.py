from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import psutil
import pytest

from zephyr_deploy.deploy.ansible import find_ansible, play
from zephyr_deploy.errors import ConfigError, DeadlineError

INSTALL = "pip install 'zephyr-deploy[prepare]'"
HOSTS = {"all": {"hosts": {"one": {"ansible_host": "192.0.2.1"}}}}


@pytest.fixture
def run(ansible, tmp_path):
    def start(on_tick=lambda _played: None, **limits):
        return play(ansible.program, tmp_path / "prepare.yml", HOSTS, tmp_path / "prepare.log", on_tick, **limits)

    return start


def test_the_program_beside_this_python_comes_before_that_on_path(ansible, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "script.json").write_text("{}")
    (other / "ansible-playbook").symlink_to(ansible.program.resolve())
    monkeypatch.setenv("PATH", f"{other}:{os.environ['PATH']}")
    assert find_ansible() == ansible.program
    ansible.program.unlink()
    assert find_ansible() == other / "ansible-playbook"


def test_what_is_no_program_is_refused(ansible):
    ansible.program.unlink()
    ansible.program.write_text("text")
    with pytest.raises(ConfigError, match="cannot be run: Permission denied"):
        find_ansible()


def test_where_there_is_none_the_error_says_how_to_get_it(ansible, monkeypatch):
    ansible.program.unlink()
    monkeypatch.setenv("PATH", str(ansible.folder))
    with pytest.raises(ConfigError, match="there is no ansible-playbook here") as caught:
        find_ansible()
    assert caught.value.hint == INSTALL


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ({"version": "ansible-playbook [core 2.16.3]\n  config file = None\n"}, "is Ansible 2.16.3; .* need 2.17"),
        ({"version": "ansible-playbook 2.9.6\n"}, "is Ansible 2.9.6"),
        ({"version": "ansible-playbook [core 2.19.0]\n", "version_code": 1}, "does not work: exit code 1"),
        ({"version": ""}, "does not work"),
    ],
)
def test_one_that_is_too_old_or_broken_is_refused(ansible, script, reason):
    ansible.will(**script)
    with pytest.raises(ConfigError, match=reason) as caught:
        find_ansible()
    assert caught.value.hint == INSTALL


def test_ssh_is_needed_too(ansible, monkeypatch):
    monkeypatch.setenv("PATH", str(ansible.folder))
    with pytest.raises(ConfigError, match="Ansible needs ssh"):
        find_ansible()


def test_what_it_prints_is_read_and_kept_for_this_user_alone(ansible, run, tmp_path):
    ansible.will(lines=["TASK [docker : Install the packages] ***", "changed: [one]"], code=2)
    seen = []
    played = run(lambda played: seen.append(played.task))
    assert (played.code, played.task) == (2, "Install the packages")
    assert "Install the packages" in seen
    log = tmp_path / "prepare.log"
    assert log.read_text() == "TASK [docker : Install the packages] ***\nchanged: [one]\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_second_run_begins_a_new_log(ansible, run, tmp_path):
    ansible.will(lines=["first"])
    run()
    ansible.will(lines=["second"])
    run()
    assert (tmp_path / "prepare.log").read_text() == "second\n"


def test_the_inventory_is_private_and_gone_afterwards(ansible, run):
    run()
    called = ansible.called
    assert called["hosts"] == HOSTS
    assert called["mode"] == 0o600
    assert not Path(called["argv"][1]).exists()
    assert called["argv"][0] == "--inventory"
    assert len(called["argv"]) == 3


def test_settings_of_the_users_own_ansible_do_not_reach_it(ansible, run, monkeypatch):
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "minimal")
    monkeypatch.setenv("ANSIBLE_CONFIG", "/etc/ansible/ansible.cfg")
    run()
    env = ansible.called["env"]
    assert {name for name in env if name.startswith("ANSIBLE_")} == {
        "ANSIBLE_CONFIG",
        "ANSIBLE_HOME",
        "ANSIBLE_NOCOLOR",
        "ANSIBLE_SSH_CONTROL_PATH_DIR",
    }
    assert env["ANSIBLE_CONFIG"].endswith("playbooks/ansible.cfg")
    assert not Path(env["ANSIBLE_HOME"]).exists()


def gone(pids):
    end = time.monotonic() + 5
    while any(map(psutil.pid_exists, pids)) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(map(psutil.pid_exists, pids))


@pytest.mark.parametrize("limits", [{"deadline_s": 1.0}, {"silence_s": 1.0}])
def test_a_run_that_takes_too_long_is_ended_with_its_workers(ansible, run, limits, tmp_path):
    ansible.will(lines=["TASK [driver : Install the driver] ***"], hangs=True)
    with pytest.raises(DeadlineError, match=r"at 'Install the driver', and was ended"):
        run(**limits)
    assert gone(ansible.pids)


def test_ctrl_c_ends_it_with_its_workers(ansible, run):
    def press(_played):
        if (ansible.folder / "pids.json").exists():
            raise KeyboardInterrupt

    ansible.will(hangs=True)
    with pytest.raises(KeyboardInterrupt):
        run(press, deadline_s=30)
    assert gone(ansible.pids)
