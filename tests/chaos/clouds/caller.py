"""A process that carries out verbs on an emulated cloud, each in a child of its own that may be killed at any instant.

Started once, with everything imported; it has one thread, so that it can fork. It reads a line of JSON for each call
and answers with two: the child's pid, and, after a line that says go, how the child ended.

The machines of the emulator are none, so `up` ends where one would be connected to; what comes after that has chaos
tests of its own (``tests/chaos/nodes``). Of `redeploy` there is what it has to do with a cloud: its firewall, which
goes with an endpoint that a file here says the machine shows.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from zephyr_deploy import down
from zephyr_deploy.deploy.clouds import boot, create, pending, vanish
from zephyr_deploy.deploy.clouds.choosing import wanted
from zephyr_deploy.deploy.clouds.exposing import following
from zephyr_deploy.deploy.clouds.launch import Launch
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.lock import deployment_lock
from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.events import Phases, silent
from zephyr_deploy.paths import deployment_dir
from zephyr_deploy.providers.clouds.userdata import user_data
from zephyr_deploy.providers.registry import cloud
from zephyr_deploy.release.caddy import PRIVATE, Exposure
from zephyr_deploy.spec.deployment import Cost, Deployment, Machine

if TYPE_CHECKING:
    from zephyr_deploy.deploy.fleet import Fleet

NAME = "demo"
EXPOSED = Exposure(site="192.0.2.1", tls="internal", allowed="198.51.100.0/24")
SETTLE_S = 0.6
PAUSES_S = (0.02,)


class _Line:
    def __enter__(self) -> None:
        """There is none."""

    def __exit__(self, *_: object) -> None:
        """There was none."""


def warm() -> None:
    """Load, once for all children, what each would load."""
    import boto3
    import httpx
    from botocore.loaders import JSONFileLoader
    from cryptography.hazmat.primitives.asymmetric import ed25519

    loader, load = JSONFileLoader(), JSONFileLoader.load_file
    known = functools.cache(lambda path: load(loader, path))
    JSONFileLoader.load_file = lambda _self, path: known(path)  # type: ignore[method-assign]
    session = boto3.Session("key", "secret", region_name="us-east-1")
    for service in ("ec2", "pricing", "service-quotas", "ssm", "sts"):
        session.client(service)
    httpx.Client().close()
    ed25519.Ed25519PrivateKey.generate()
    user_data(timedelta(hours=1), None)


def hurry(provider: type) -> None:
    """Make every pause short: the emulator needs none."""
    pending.LOOK_EVERY_S = 0.05
    create.REPEAT_S = (0.05, 0.05, 0.1)  # type: ignore[assignment]
    create.THROTTLED_S = (0.05, 0.05, 0.1, 0.1)  # type: ignore[assignment]
    boot.PAUSES_S = vanish.PAUSES_S = PAUSES_S  # type: ignore[assignment]
    boot.connect = lambda *_args, **_kwargs: _Line()  # type: ignore[assignment]
    provider.settle_s = SETTLE_S  # type: ignore[attr-defined]


def up(provider: str, gpu: str) -> None:
    """The machine, as `up` gets it."""
    deployment = Deployment(name=NAME, provider=provider, machine=Machine(gpu=gpu), cost=Cost(ttl=timedelta(hours=8)))
    chosen, phases, journal = cloud(provider), Phases(silent), Journal(NAME)
    with deployment_lock(NAME, "up", wait_s=5):
        Launch(chosen, NAME, phases, journal, lambda: wanted(chosen, deployment)).run()


class _Machine:
    """What `redeploy` has looked at: the machine, with or without an endpoint that others reach."""

    def __init__(self, provider: str) -> None:
        self.name, self.provider, self.phases = NAME, provider, Phases(silent)
        self._shows = deployment_dir(NAME) / "shows.json"
        self.look()

    def look(self) -> None:
        """See what it shows."""
        tls, allowed = json.loads(self._shows.read_text()) if self._shows.exists() else ("", "")
        self.members = [SimpleNamespace(service=SimpleNamespace(tls=tls), allowed=allowed)]

    def show(self, exposure: Exposure) -> None:
        """Have it show the endpoint like that, as a release does."""
        self._shows.write_text(json.dumps((exposure.tls, exposure.allowed)))


def redeploy(provider: str, exposure: Exposure) -> None:
    """Have the endpoint be shown like that."""
    with deployment_lock(NAME, "redeploy", wait_s=5):
        machine = _Machine(provider)
        with following(cast("Fleet", machine), exposure, Journal(NAME), trusting=True):
            machine.show(exposure)


def watch(call: dict[str, Any]) -> None:
    """Note every write of the journal; end this process at the one that was chosen, before it or after it."""
    append, count, chosen = Journal._append, itertools.count(1), call.get("write")

    def watched(self: Journal, step: str, stage: Any, facts: dict[str, str]) -> None:
        at = next(count) == chosen
        if at and call["when"] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        append(self, step, stage, facts)
        with Path(call["writes"]).open("a") as file:
            file.write(f"{stage} {step}\n")
        if at:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal._append = watched  # type: ignore[method-assign]


VERBS: dict[str, Callable[[str, str], object]] = {
    "up": up,
    "down": lambda *_: down(NAME),
    "redeploy --expose": lambda provider, _gpu: redeploy(provider, EXPOSED),
    "redeploy": lambda provider, _gpu: redeploy(provider, PRIVATE),
}


def carry_out(call: dict[str, Any]) -> int:
    """One call, in the child; its exit code."""
    os.environ.update(call["environment"])
    hurry(type(cloud(call["provider"])))
    watch(call)
    try:
        VERBS[call["verb"]](call["provider"], call["gpu"])
    except ZephyrError as error:
        sys.stderr.write(f"{type(error).__name__}: {error.message}\n")
        return error.exit_code
    except BaseException:  # noqa: BLE001 - the edge of a child: its parent is told by the exit code
        traceback.print_exc()
        return 99
    return 0


def main() -> None:
    """Serve calls until stdin ends."""
    warm()
    for line in sys.stdin:
        call = json.loads(line)
        ready, go = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(ready, 1)
            log = os.open(call["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, 2)
            os._exit(carry_out(call))
        os.close(ready)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        sys.stdin.readline()
        os.write(go, b".")
        os.close(go)
        _pid, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
