"""What a test of faults does from a laptop, and how it sees that all is well again, or that nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zephyr_deploy import down, services, up
from zephyr_deploy.deploy.redeploy import redeploy
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.events import PhaseFinished, PhaseProgress, PhaseStarted
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.providers.nodes.key import noted_key
from zephyr_deploy.spec.deployment import Deployment, Engine, Limits, Machine

if TYPE_CHECKING:
    from lab.node import Node

NAME = "faulty"
PORT = 8080
KILLED_S = 120.0
LEFT = """
systemctl list-unit-files --no-legend 'zephyr-faulty*'
systemctl list-units --all --plain --no-legend 'zephyr-faulty*'
docker ps --all --format '{{.Names}}'
iptables -S | grep zephyr-deploy
ls -d /opt/zephyr-deploy /run/zephyr-deploy/*
"""
"""Prints nothing on a machine that has nothing of the deployment but what was fetched."""


LONG_S = 30.0
"""Longest that a fault may keep a verb on this machine, however busy it is, in seconds."""


@contextmanager
def ends(kind, words):
    """The body fails so, says what to do, and not after long."""
    began = time.monotonic()
    with pytest.raises(kind, match=words) as caught:
        yield caught
    assert caught.value.hint
    assert time.monotonic() - began < LONG_S


class At:
    """A listener that does something once, when a phase begins (``before weights``) or has ended (``after ready``).

    ``before gateway#2`` is the second time: within the way back from a release that did not pass its gate.
    """

    def __init__(self, moment: str, work) -> None:
        self.moment, _, number = moment.partition("#")
        self.number, self.work, self.met = int(number or 1), work, False
        self.seen: list[str] = []

    def __call__(self, event) -> None:
        word = {PhaseStarted: "before", PhaseFinished: "after"}.get(type(event))
        if word is None:
            return
        now = f"{word} {event.phase}"
        self.seen.append(now)
        if self.seen.count(self.moment) == self.number and not self.met:
            self.met = True
            self.work()


class Downloaded:
    """A listener that does something once, when so many bytes of the weights are there."""

    def __init__(self, size: int, work) -> None:
        self.size, self.work, self.met = size, work, False

    def __call__(self, event) -> None:
        if isinstance(event, PhaseProgress) and event.phase == "weights" and event.done > self.size and not self.met:
            self.met = True
            self.work()


@dataclass(frozen=True)
class Laptop:
    """One state folder, from which one node is deployed to; the environment is the test's."""

    node: Node
    folder: Path

    def wish(self, tokens: int = 1024, **changes) -> Deployment:
        """A deployment on the node; another number of ``tokens`` is another release."""
        machine = Machine(host=self.node.address, user=self.node.user, identity=str(self.node.key))
        changes.setdefault("limits", Limits(max_total_tokens=tokens))
        return Deployment(name=NAME, provider="ssh", machine=machine, **changes)

    def failing(self, failure: str, **env: str) -> Deployment:
        """A deployment whose engine fails in one of the ways of ``tests/lab/tgi/failures.toml``."""
        return self.wish(engine=Engine(env={"LAB_FAIL": failure, **env}))

    def options(self, **changes) -> RolloutOptions:
        """The node's key is known; nothing may be prepared, which the playbooks' own tests do."""
        return RolloutOptions(trust=Trust(fingerprint=self.node.host_key_fingerprint), prepare=False, **changes)

    def up(self, wish: Deployment | None = None, **options):
        """`up`, in this process."""
        return up(wish or self.wish(), rollout_options=self.options(), **options)

    def served(self) -> str:
        """The release that serves, whichever it is; where none does, that of `wish` is brought."""
        ready = [service.release for service in services(NAME) if service.state == "ready"]
        return ready[0] if ready else self.up().release

    def redeploy(self, wish: Deployment, **options):
        """`redeploy`, in this process."""
        return redeploy(wish, self.options(), **options)

    def down(self, **options):
        """`down`, in this process; the requests of a test need no time to end."""
        return down(NAME, **{"grace_s": 2.0, **options})

    def start(self, program: str, *arguments: str, home: Path | None = None) -> subprocess.Popen[str]:
        """Start a program that uses the package, with the state folder ``home`` instead of this one."""
        return self.run([str(Path(__file__).with_name(program)), *arguments], home)

    def run(self, arguments: list[str], home: Path | None = None) -> subprocess.Popen[str]:
        """Start Python with these arguments; see `start`."""
        state = {"ZEPHYR_STATE_DIR": str(home)} if home else {}
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **state}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([sys.executable, *arguments], text=True, env=env, **pipes)

    def killed(self, verb: str, moment: str, wish: Deployment, home: Path | None = None) -> None:
        """Run a verb in a process of its own, which is killed with -9 at ``moment``."""
        said = wish.model_dump_json(exclude_unset=True)
        process = self.start("killed.py", verb, moment, said, self.node.host_key_fingerprint, home=home)
        _out, said = process.communicate(timeout=KILLED_S)
        assert process.returncode == -signal.SIGKILL, said

    def assert_serves(self, release: str | None = None) -> None:
        """See that the deployment is whole: one release that answers through one gateway, and nothing half done."""
        (service,) = services(NAME)
        assert (service.state, service.detail) == ("ready", "")
        assert release in {None, service.release}
        assert generated(self.node, service.api_key.get_secret_value())
        engine, gateway = f"zephyr-{NAME}@{service.release}.service", f"zephyr-{NAME}-gateway.service"
        assert units(self.node) == {engine: "active enabled", gateway: "active enabled"}
        assert containers(self.node) == {f"zephyr-{NAME}-{service.release}", f"zephyr-{NAME}-gateway"}
        assert gates(self.node) == ""
        assert lock_is_free(self.node)

    def assert_nothing_left(self) -> None:
        """See that nothing is on the node but weights and images."""
        assert self.node.exec(f"({LEFT}) 2>/dev/null", check=False).stdout == ""
        assert services(NAME) == []


def answers(laptop: Laptop) -> bool:
    """Whether the deployment gives tokens, by the gateway that is there now and the key that the laptop knows."""
    return generated(laptop.node, noted_key(NAME))


def generated(node: Node, key: str) -> bool:
    """Whether the gateway, asked on the node itself, gives tokens."""
    body = json.dumps({"inputs": "Hi", "parameters": {"max_new_tokens": 3}})
    ask = f"curl -sS -m 60 -H @- -H 'Content-Type: application/json' -d '{body}' http://127.0.0.1:{PORT}/generate"
    return "generated_text" in node.exec(ask, stdin=f"Authorization: Bearer {key}\n").stdout


def units(node: Node) -> dict[str, str]:
    """The deployment's units: whether they run now, and whether they will after a reboot."""
    names = node.exec(f"cd /etc/systemd/system && ls -d zephyr-{NAME}[@-]* 2>/dev/null", check=False).stdout.split()
    found = {}
    for name in names:
        said = node.exec(f"systemctl is-active {name}; systemctl is-enabled {name}", check=False).stdout
        found[name] = " ".join(said.split())
    return found


def containers(node: Node) -> set[str]:
    """All containers, running or not."""
    return set(node.exec("docker ps --all --format '{{.Names}}'").stdout.split())


def gates(node: Node) -> str:
    """The rules of the firewall that keep connections from an engine."""
    return node.exec("iptables -S | grep zephyr-deploy", check=False).stdout


def lock_is_free(node: Node) -> bool:
    """Whether nobody works on the deployment."""
    home = f"/opt/zephyr-deploy/{NAME}"
    free = f"! test -e {home}/lock || {{ flock -n {home}/lock true && ! test -e {home}/lock.json; }}"
    return node.exec(free, check=False).returncode == 0


def forget_weights(node: Node) -> None:
    """Have the node fetch the model again."""
    node.exec("rm -rf /var/lib/zephyr-deploy/*")


def given_out(node: Node) -> list[int]:
    """How the hub has answered to this node when it asked for large files."""
    return [asked["status"] for asked in node.requests("hub") if asked["path"].startswith("/cdn/")]


def wait_until(true, timeout_s: float = 60.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, true
        time.sleep(0.2)
