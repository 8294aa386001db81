"""Which machines are prepared, and what is said of it.

The network is left out (`connect`, `call`), and Ansible is a stand-in; both are real in test_prepare_on_a_node.py.
"""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from zephyr_deploy.deploy import fleet as fleet_module
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.prepare import prepare, require_ready
from zephyr_deploy.errors import CapacityError, ConfigError, CredentialsError, HookError, UnreachableError
from zephyr_deploy.events import Notice, PhaseProgress, Phases
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.node.program import NoPythonError
from zephyr_deploy.paths import deployment_dir
from zephyr_deploy.spec.deployment import Deployment, Machine

GPU = {
    "name": "NVIDIA L4",
    "memory_bytes": 24 << 30,
    "memory_used_bytes": 0,
    "driver": "570.133.20",
    "compute_capability": "8.9",
}
DOCKER = {"version": "28.0", "cgroup_driver": "cgroupfs", "gpu": True, "root": "/var/lib/docker"}
READY = {
    "system": "Debian GNU/Linux 12 (bookworm)",
    "os": "debian",
    "os_version": "12",
    "architecture": "x86_64",
    "kernel": "6.1",
    "python": "3.11.2",
    "systemd": 252,
    "cpus": 4,
    "memory_bytes": 8 << 30,
    "memory_total_bytes": 8 << 30,
    "disk_free_bytes": 10**12,
    "docker_disk_free_bytes": 10**12,
    "root_writable": True,
    "gpus": [GPU],
    "nvidia_devices": 1,
    "cuda": "12.8",
    "docker": DOCKER,
    "clock": 0.0,
}
BARE = {**READY, "docker": None}
NO_DRIVER = {**READY, "gpus": [], "cuda": ""}
DONE = "{} : ok=9 changed=7 unreachable=0 failed=0 skipped=1 rescued=0 ignored=0"


@pytest.fixture
def world(home, monkeypatch):
    """A fleet whose machines answer, look after look, what the test has said; a `None` is one without Python."""
    monkeypatch.setattr("zephyr_deploy.plan.readiness.CLOCK_SKEW_S", float("inf"))
    heard, connected = [], []

    class Connection:
        def __init__(self, host):
            self.host = host

        def close(self):
            connected.append(f"close {self.host}")

    def connect(_name, address, _trust, **_options):
        connected.append(address.host)
        return Connection(address.host)

    def make(settings=None, gateway=None, **looks):
        left = {host: list(found) for host, found in looks.items()}

        def call(connection, _verb, _request, **_options):
            found = left[connection.host].pop(0)
            if found is None:
                raise NoPythonError("it has no Python", hint="Install it.")
            return {"machine": found}

        monkeypatch.setattr(fleet_module, "connect", connect)
        monkeypatch.setattr(fleet_module, "call", call)
        addresses = {host: NodeAddress(host=host, user="ubuntu", port=22) for host in looks}
        front = addresses.pop(gateway, None)
        world.fleet = Fleet("demo", "ssh", [*addresses.values()], Phases(heard.append), gateway=front)
        world.deployment = Deployment(name="demo", provider="ssh", machine=Machine(host="a", prepare=settings or {}))
        world.fleet.connect(Trust(), world.journal)
        world.fleet.look(python_may_lack=True)
        connected.clear()
        return world

    class World:
        journal = Journal("demo", run="r1")

        def prepare(self):
            prepare(self.fleet, self.deployment, Trust(), self.journal)

        def steps(self):
            return [(entry.step, entry.stage) for entry in self.journal.entries()]

    world = World()
    world.make, world.heard, world.connected = make, heard, connected
    return world


def test_a_machine_that_is_ready_runs_no_ansible(world, ansible):
    world.make(a=[READY]).prepare()
    assert not ansible.ran
    assert world.steps() == []
    assert not (deployment_dir("demo") / "prepare.log").exists()


def test_who_is_asked_first_may_have_nothing_prepared_and_is_asked_where_something_is(world, ansible):
    def no():
        raise HookError("no")

    world.make(a=[READY])
    prepare(world.fleet, world.deployment, Trust(), world.journal, no)
    world.make(a=[BARE])
    with pytest.raises(HookError):
        prepare(world.fleet, world.deployment, Trust(), world.journal, no)
    assert not ansible.ran
    assert world.steps() == []


def test_ready_machines_need_no_ansible_here(world, ansible, monkeypatch):
    ansible.program.unlink()
    monkeypatch.setenv("PATH", "/nowhere")
    world.make(a=[READY]).prepare()
    with pytest.raises(ConfigError, match="there is no ansible-playbook here"):
        world.make(a=[BARE]).prepare()


@pytest.mark.parametrize("first", [BARE, None, NO_DRIVER], ids=["no Docker", "no Python", "no driver"])
def test_what_lacks_is_brought_and_looked_at_again(world, ansible, first):
    ansible.will(lines=["TASK [docker : Install the packages] ***", DONE.format("zephyr-demo")])
    world.make(a=[first, READY]).prepare()
    require_ready(world.fleet)
    assert world.steps() == [("prepare", "intent"), ("prepare", "done")]
    assert world.connected == ["close a", "a"], "it may have restarted"
    assert "Install the packages" in {event.detail for event in world.heard if isinstance(event, PhaseProgress)}
    (phase,) = (phase for phase in world.fleet.phases.finished if phase.phase == "prepare")
    assert (phase.outcome, phase.detail) == ("done", "7 changes")


def test_a_gateway_is_prepared_without_a_gpu_and_needs_none(world, ansible):
    bare = {**BARE, "gpus": [], "cuda": ""}
    docker = {**bare, "docker": {"version": "28.0", "cgroup_driver": "systemd"}}
    ansible.will(lines=[DONE.format("zephyr-demo-g")])
    world.make({"prepare_gpu": "true"}, gateway="g", a=[READY], g=[bare, docker]).prepare()
    require_ready(world.fleet)
    ((name, host),) = ansible.called["hosts"]["all"]["hosts"].items()
    assert (name, host["prepare_gpu"]) == ("zephyr-demo-g", "false")
    assert not [event for event in world.heard if isinstance(event, Notice) and event.level == "warning"]


def test_the_inventory_has_pins_settings_and_those_machines_alone_that_lack_something(world, ansible):
    ansible.will(lines=[DONE.format("zephyr-demo-b")])
    settings = {"prepare_docker_package": "distribution"}
    world.make(settings, a=[READY], b=[BARE, READY]).prepare()
    ((name, host),) = ansible.called["hosts"]["all"]["hosts"].items()
    assert name == "zephyr-demo-b"
    assert (host["ansible_host"], host["ansible_user"], host["ansible_port"]) == ("b", "ubuntu", 22)
    assert host["prepare_docker_package"] == "distribution"
    options = host["ansible_ssh_common_args"]
    for option in ("StrictHostKeyChecking=yes", "HostKeyAlias=zephyr-demo-b", "BatchMode=yes"):
        assert option in options
    assert str(deployment_dir("demo") / "known_hosts") in options


@pytest.mark.parametrize(
    ("msg", "kind"),
    [
        ("Only debian 12 are supported; this is Arch.", ConfigError),
        ("The user u cannot use sudo without a password: add it.", CredentialsError),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", CapacityError),
    ],
)
def test_a_task_that_fails_is_the_error(world, ansible, msg, kind):
    said = json.dumps({"msg": msg})
    ansible.will(lines=["TASK [prepare : Refuse] ***", f"fatal: [zephyr-demo]: FAILED! => {said}"], code=2)
    with pytest.raises(kind) as caught:
        world.make(a=[BARE]).prepare()
    assert type(caught.value) is kind
    assert caught.value.message == f"ubuntu@a:22 could not be prepared: {msg}"
    assert str(deployment_dir("demo") / "prepare.log") in caught.value.hint
    assert caught.value.details["task"] == "Refuse"
    assert world.steps() == [("prepare", "intent"), ("prepare", "failed")]


def test_of_several_each_failure_is_named_by_its_machine(world, ansible):
    lines = [
        'fatal: [zephyr-demo-a]: UNREACHABLE! => {"msg": "Connection refused", "unreachable": true}',
        'fatal: [zephyr-demo-b]: FAILED! => {"msg": "no"}',
    ]
    ansible.will(lines=lines, code=4)
    with pytest.raises(UnreachableError) as caught:
        world.make(a=[BARE], b=[BARE]).prepare()
    for part in ("ubuntu@a:22 could not be prepared: Connection refused", "ubuntu@b:22 could not be prepared: no"):
        assert part in caught.value.message


def test_a_flag_of_ansible_is_named_as_it_is_typed_here(world, ansible):
    said = json.dumps({"msg": "restart it, or let it be done with -e prepare_may_reboot=true."})
    ansible.will(lines=[f"fatal: [zephyr-demo]: FAILED! => {said}"], code=2)
    with pytest.raises(ConfigError, match="--prepare-var prepare_may_reboot=true"):
        world.make(a=[BARE]).prepare()


def test_an_end_that_nobody_explains_is_told_with_its_last_line(world, ansible):
    ansible.will(lines=["ERROR! something odd"], code=250)
    with pytest.raises(ConfigError, match="exit code 250: ERROR! something odd"):
        world.make(a=[BARE]).prepare()


def test_what_lacks_still_is_an_error(world, ansible):
    ansible.will(lines=[DONE.format("zephyr-demo")])
    with pytest.raises(ConfigError, match="container toolkit is missing") as caught:
        world.make(a=[BARE, {**READY, "docker": {**DOCKER, "gpu": False}}]).prepare()
    assert "prepare.log" in caught.value.hint


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ({"architecture": "aarch64"}, "images are built for x86_64"),
        ({"cuda": "11.4"}, "needs 12.4"),
        ({"gpus": [], "nvidia_devices": 0}, "needs an NVIDIA GPU"),
    ],
    ids=["processor", "old driver", "no GPU"],
)
def test_nothing_is_begun_where_it_would_be_in_vain(world, ansible, spoil, reason):
    with pytest.raises(ConfigError, match=reason):
        world.make(a=[BARE], b=[{**BARE, **spoil}]).prepare()
    assert not ansible.ran
    assert world.steps() == []


def test_a_setting_that_the_playbook_does_not_know_is_refused(world, ansible):
    with pytest.raises(ConfigError, match="no setting prepare_docker_pakage; did you mean prepare_docker_package"):
        world.make({"prepare_docker_pakage": "distribution"}, a=[BARE]).prepare()
    assert not ansible.ran


def test_the_next_run_is_told_of_one_that_was_cut_off(world, ansible):
    def cut(event):
        world.heard.append(event)
        if isinstance(event, PhaseProgress):
            raise KeyboardInterrupt

    ansible.will(lines=["TASK [docker : Install the packages] ***"])
    world.make(a=[BARE])
    world.fleet.phases.listener = cut
    with suppress(KeyboardInterrupt):
        world.prepare()
    assert [entry.step for entry in Journal("demo", run="r2").unfinished()] == ["prepare"]


def test_what_is_not_grave_is_a_warning(world, ansible):
    world.make(a=[{**READY, "docker": {**DOCKER, "cgroup_driver": "systemd"}}]).prepare()
    require_ready(world.fleet)
    assert not ansible.ran
    (notice,) = (event for event in world.heard if isinstance(event, Notice))
    assert (notice.level, "cgroup driver" in notice.message) == ("warning", True)
