"""What a machine is told at its first boot: word for word, and as shell, systemd and YAML judge it."""

import json
import os
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from release.conftest import program

import zephyr_deploy.agent.expire
from zephyr_deploy.agent import interruption
from zephyr_deploy.providers.aws.create import packed
from zephyr_deploy.providers.clouds.userdata import MOST, user_data

GOLDEN = Path(__file__).with_name("user-data.golden")
UPDATE = "UPDATE_GOLDEN"
"""Set to 1, it has the golden file written anew: read the difference before it is committed."""
PROGRAM = Path(zephyr_deploy.agent.expire.__file__).read_text()
TEXT = user_data(timedelta(hours=8), timedelta(hours=1))
SPOT = user_data(None, timedelta(hours=1), metadata_url="http://127.0.0.1:8/x")
UNITS = ("zephyr-deploy-expire.service", "zephyr-deploy-expire.timer")


def script(text=TEXT):
    (command,) = yaml.safe_load(text)["bootcmd"]
    return command


def test_golden():
    text = script().replace(PROGRAM, "(zephyr_deploy/agent/expire.py)\n")
    if os.environ.get(UPDATE):
        GOLDEN.write_text(text)
    assert GOLDEN.read_text() == text, f"meant so? {UPDATE}=1 pytest"


def test_it_is_a_cloud_config_that_every_cloud_takes():
    assert TEXT.startswith("#cloud-config\n")
    assert set(yaml.safe_load(TEXT)) == {"bootcmd"}
    assert len(TEXT.encode()) <= MOST
    assert TEXT.isascii()


def test_it_is_the_same_each_time():
    assert user_data(timedelta(hours=8), timedelta(hours=1)) == TEXT


@pytest.mark.parametrize("text", [TEXT, SPOT])
def test_shellcheck(tmp_path, text):
    (tmp_path / "expire.sh").write_text(script(text))
    shellcheck = program("shellcheck", "make setup")
    done = subprocess.run([shellcheck, tmp_path / "expire.sh"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


class Machine:
    """A root of its own, and a `systemctl` that writes down what it is told."""

    def __init__(self, folder):
        self.root, self.record = folder / "root", folder / "record"
        tools = folder / "bin"
        for path in (tools, self.root / "etc/systemd/system", self.root / "var/lib/zephyr-deploy"):
            path.mkdir(parents=True)
        (tools / "systemctl").write_text(f'#!/bin/sh\necho "$@" >>{self.record}\n')
        (tools / "systemctl").chmod(0o755)
        self.path = f"{tools}:/usr/bin:/bin"

    def boot(self, text=TEXT, instance="i-1"):
        """What cloud-init does at a boot; what `systemctl` was told."""
        self.record.write_text("")
        here = script(text)
        for folder in ("/usr/local/lib/", "/etc/", "/var/lib/"):
            here = here.replace(f"={folder}", f"={self.root}{folder}").replace(f" {folder}", f" {self.root}{folder}")
        env = {"PATH": self.path, "INSTANCE_ID": instance}
        subprocess.run(["/bin/sh"], input=here, text=True, env=env, check=True, timeout=30)
        return self.record.read_text().splitlines()

    def file(self, path):
        return self.root / path


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


START = "start --no-block zephyr-deploy-expire.timer"


def test_the_first_boot_writes_and_starts_it(machine):
    assert machine.boot() == ["daemon-reload", "enable --quiet zephyr-deploy-expire.timer", START]
    assert machine.file("usr/local/lib/zephyr-deploy/expire.py").read_text() == PROGRAM
    assert {path.name for path in machine.file("etc/systemd/system").iterdir()} == set(UNITS)


def test_another_boot_only_starts_it_and_keeps_what_was_extended(machine):
    machine.boot()
    limits = machine.file("etc/zephyr-deploy/expiry.json")
    limits.write_text("extended")
    assert machine.boot() == [START]
    assert limits.read_text() == "extended"


def test_a_boot_that_was_cut_off_is_made_good(machine):
    machine.boot()
    machine.file("etc/zephyr-deploy/instance").unlink()
    assert START in machine.boot()
    assert machine.file("etc/zephyr-deploy/instance").read_text() == "i-1\n"


def test_an_image_made_of_a_machine_does_not_hand_on_its_age(machine):
    machine.boot()
    state = machine.file("var/lib/zephyr-deploy/expiry.json")
    state.write_text('{"age_s": 99999}')
    machine.boot()
    assert state.exists()
    machine.boot(instance="i-2")
    assert not state.exists()


@pytest.mark.parametrize("limit", ["ttl", "idle"])
def test_none_is_no_limit(machine, limit):
    machine.boot(user_data(**{"ttl": timedelta(hours=2), "idle": timedelta(minutes=9), limit: None}))
    limits = json.loads(machine.file("etc/zephyr-deploy/expiry.json").read_text())
    assert limits.pop(f"{limit}_s") is None
    assert {limits.get("ttl_s", 7200), limits.get("idle_s", 540)} == {7200, 540}


def test_it_knows_the_counters_of_every_engine(machine):
    machine.boot()
    limits = json.loads(machine.file("etc/zephyr-deploy/expiry.json").read_text())
    for engine in ("tgi", "vllm:", "sglang:"):
        for kind in ("counters", "gauges"):
            assert any(name.startswith(engine) for name in limits[kind])


def verify(machine, *units):
    systemd_analyze = program("systemd-analyze", "apt-get install systemd")
    folder = machine.file("etc/systemd/system")
    done = subprocess.run(
        [systemd_analyze, "verify", "--man=no", "--recursive-errors=no", *(folder / unit for unit in units or UNITS)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"SYSTEMD_UNIT_PATH": f"{folder}:"},
    )
    return "\n".join(line for line in done.stderr.splitlines() if "zephyr-" in line)


@pytest.mark.skipif(not shutil.which("python3", path="/usr/bin"), reason="no /usr/bin/python3 here: ExecStart")
def test_systemd_reads_the_units(machine):
    machine.boot()
    assert verify(machine) == ""


def test_a_mistake_would_be_seen(machine):
    machine.boot(TEXT.replace("Type=oneshot", "Type=onesot"))
    assert "onesot" in verify(machine)


def test_one_that_can_be_taken_back_listens_for_that_too(machine):
    watch = "zephyr-deploy-interruption.service"
    assert machine.boot(SPOT) == ["daemon-reload", f"enable --quiet {UNITS[1]} {watch}", f"{START} {watch}"]
    assert (
        machine.file("usr/local/lib/zephyr-deploy/interruption.py").read_text()
        == Path(interruption.__file__).read_text()
    )
    assert "interruption.py http://127.0.0.1:8/x\n" in machine.file(f"etc/systemd/system/{watch}").read_text()
    assert machine.boot(SPOT) == [f"{START} {watch}"]
    assert len(packed(SPOT)) <= MOST
    assert verify(machine, *UNITS, watch) == ""


def test_systemd_gives_a_look_less_time_than_it_may_be_stuck():
    text = script(user_data(None, None, every=timedelta(seconds=1)))
    assert "\nOnUnitActiveSec=1\n" in text
    assert "\nTimeoutStartSec=60\n" in text
