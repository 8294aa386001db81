"""Commands as users of a cloud type them, from one laptop or another, and what came of it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zephyr_deploy.cli import main as program
from zephyr_deploy.deploy import guests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.node.connection import NodeConnection


@dataclass(frozen=True)
class Laptop:
    """A state folder and a cache, with the credentials of the accounts that the environment has."""

    folder: Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def type(self, *words: str, code: int = 0) -> tuple[str, str]:
        """Run one command; what it wrote to stdout and to stderr."""
        self.patch.setenv("ZEPHYR_STATE_DIR", str(self.folder / "state"))
        self.patch.setenv("ZEPHYR_CACHE_DIR", str(self.folder / "cache"))
        self.capture.readouterr()
        ended = program.main((*words, "--debug"))  # which says where an error comes from
        said = self.capture.readouterr()
        assert ended == code, f"{' '.join(words)}: {ended}: {said.out}{said.err}"
        return said.out, said.err

    def data(self, *words: str) -> Any:
        """What one command found."""
        return json.loads(self.type(*words, "--output", "json")[0])["data"]


RUNNER = "198.51.100.77/32"


@contextmanager
def as_guest(runner: Laptop, keys: Callable[[], str]) -> Iterator[tuple[Laptop, list[str]]]:
    """A job's runner, somewhere else, without a key; and the lines by which its machine let it in."""
    seen: list[str] = []
    with runner.patch.context() as job:
        admit = guests.admit

        def admitted(node: NodeConnection, address: NodeAddress) -> None:
            admit(node, address)
            seen.extend(line for line in keys().splitlines() if "expiry-time=" in line)

        job.setattr(guests, "admit", admitted)
        job.setattr("zephyr_deploy.providers.clouds.address._fetched", lambda _url: RUNNER.partition("/")[0])
        job.setenv("ZEPHYR_GUEST", "30m")
        yield Laptop(runner.folder, job, runner.capture), seen
    kept = [path for path in runner.folder.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"PRIVATE KEY" in path.read_bytes()]


def life_on(
    provider: str,
    gpu: str,
    laptop: Callable[[str], Laptop],
    inbound: Callable[[], set[tuple[int, str]]],
    keys: Callable[[], str],
) -> dict[str, str]:
    """From nothing to tokens and back, the second half from another laptop and from a job; what was said on the way.

    Args:
        provider: The cloud.
        gpu: What it is asked for.
        laptop: Gives one that knows nothing yet, by its name.
        inbound: What the cloud's firewalls let in: ports, each with a network.
        keys: The ``authorized_keys`` of its machine.
    """
    first, second = laptop("first"), laptop("second")
    said = {}
    up, said["up"] = first.type("up", "--provider", provider, "--gpu", gpu, "--yes")
    assert "ready" in up
    assert first.data("smoke")["passed"]
    for load in (("--concurrency", "2"), ("--rate", "4", "--warmup", "1")):
        report = first.data("bench", *load, "--requests", "2", "--max-new-tokens", "8", "--allow-bottleneck")
        (level,) = report["levels"]
        assert level["succeeded"] == 2, level
        assert level["rtt_ms"]["p50"] > 0
    first.type("lock")
    again = first.data("up", "--provider", provider, "--gpu", gpu, "--yes", "--locked")
    assert not again["changed"]
    assert float(again["plan"]["price_per_hour_usd"]) == again["service"]["price_per_hour_usd"] > 0

    (service,) = second.data("ls")
    assert (service["name"], service["provider"]) == ("zephyr", provider)
    assert "zephyr-deploy status zephyr" in service["detail"], "it is found, but does not know this laptop yet"
    found = second.data("status", "zephyr")
    assert found["service"]["release"] == again["release"], found
    (service,) = second.data("ls")
    assert service["state"] == "ready", service
    before = keys()
    with as_guest(laptop("runner"), keys) as (runner, seen):
        for name, text in {"EXPOSE": "true", "ACCESS__DOMAIN": "llm.lan", "CIDR": "198.51.100.0/24"}.items():
            runner.patch.setenv(f"ZEPHYR_{name}", text)
        changed = runner.data("redeploy", "zephyr", "--max-total-tokens", "1024")
    assert changed["service"]["public_url"] == "https://llm.lan"
    assert len(set(seen)) == 1, "each process is let in once"
    assert seen[0] not in before
    assert keys() == before, "its key is gone with it"
    assert (22, RUNNER) not in inbound()
    assert (443, "198.51.100.0/24") in inbound()
    second.type("rollback", "zephyr")
    assert {port for port, _ in inbound()} == {22}
    said["chat"], _ = second.type("chat", "--name", "zephyr", "What is the capital of Japan?")
    _, said["down"] = second.type("down", "zephyr")
    assert second.data("ls") == []
    first.type("down", "zephyr")
    assert first.data("ls") == []
    return said
