"""Docker's configuration is added to, and what is there stays."""

import json

from zephyr_deploy.release.templates import render_template

OURS = {
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
    "live-restore": True,
    "log-driver": "json-file",
    "log-opts": {"max-file": "3", "max-size": "50m"},
}
RUNTIMES = {"nvidia": {"path": "nvidia-container-runtime", "args": []}}

CASES = {
    "nothing there": ({}, {}, OURS),
    "other keys stay": (
        {"insecure-registries": ["registry:5000"], "runtimes": RUNTIMES},
        {},
        {**OURS, "insecure-registries": ["registry:5000"], "runtimes": RUNTIMES},
    ),
    "other options of exec-opts stay": (
        {"exec-opts": ["native.cgroupdriver=systemd", "other=1"]},
        {},
        {**OURS, "exec-opts": ["other=1", "native.cgroupdriver=cgroupfs"]},
    ),
    "cgroup driver left alone": (
        {"exec-opts": ["native.cgroupdriver=systemd"]},
        {"prepare_docker_cgroup_driver": ""},
        {**OURS, "exec-opts": ["native.cgroupdriver=systemd"]},
    ),
    "chosen log rotation stays": (
        {"log-opts": {"max-size": "1g", "labels": "a"}},
        {"prepare_docker_log_files": 9},
        {**OURS, "log-opts": {"max-size": "1g", "labels": "a", "max-file": "9"}},
    ),
    "another log driver gets no options": (
        {"log-driver": "journald"},
        {},
        {"exec-opts": OURS["exec-opts"], "live-restore": True, "log-driver": "journald"},
    ),
    "live restore refused stays refused": ({"live-restore": False}, {}, {**OURS, "live-restore": False}),
    "no live restore in a swarm": ({}, {"swarm": "active"}, {k: v for k, v in OURS.items() if k != "live-restore"}),
    "what we wrote is what we want": (OURS, {}, OURS),
}


def test_merged(ansible):
    cases = []
    for there, settings, _ in CASES.values():
        swarm = {"stdout": settings.get("swarm", "inactive")}
        cases.append({"docker_daemon_is": there, "docker_daemon_asked": {"results": [{}, swarm]}, **settings})
    rendered = ansible.render("docker_daemon/templates/daemon.json.j2", cases)
    said = dict(zip(CASES, map(json.loads, rendered), strict=True))
    assert said == {case: wanted for case, (_, _, wanted) in CASES.items()}


def test_a_release_says_the_same():
    assert json.loads(render_template("docker/daemon.json.jinja")) == OURS
