"""The crash sweep: a verb is killed at every call that changes the cloud and at every write of the journal, before and
after it; and every call fails in every way. Then `up` has to give one machine, and `down` has to leave nothing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import pytest
from emulators.wire import Wire

SIGKILL = -9
SHOWING, HIDING = "redeploy --expose", "redeploy"
Faults = Mapping[str, Mapping[str, Any]]
"""Ways in which a call fails, by name: fields of `emulators.wire.Fault`."""
TESTS = Path(__file__).resolve().parents[2]


class Emulator(Protocol):
    """What the sweep needs of one."""

    wire: Wire
    lag_s: float

    def environment(self) -> dict[str, str]:
        """Variables by which a process uses it."""

    def reset(self) -> None:
        """Begin anew."""

    def left(self) -> list[str]:
        """Everything of ours that exists, each with its kind first."""

    def inbound(self) -> set[tuple[int, str]]:
        """What firewalls let in: ports, each with a network."""


@dataclass(frozen=True)
class Point:
    """An instant of a verb."""

    kind: Literal["call", "write"]
    number: int
    """From 1."""
    when: Literal["before", "after"]
    what: str

    def __str__(self) -> str:
        return f"{self.when} {self.kind} {self.number} ({self.what})"

    @property
    def reads(self) -> bool:
        """Whether it is a call that changes nothing."""
        return self.kind == "call" and reads(self.what)


@dataclass
class Tally:
    """What a sweep found."""

    points: int = 0
    runs: int = 0
    leaks: list[str] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    """Points after which the next call of the verb did not succeed."""

    def __str__(self) -> str:
        return (
            f"{self.points} points, {self.runs} runs, {len(self.leaks)} leaks, {len(self.doubles)} doubles, "
            f"{len(self.stuck)} that the next call did not complete"
        )

    @property
    def failures(self) -> list[str]:
        """All of it."""
        return [*self.leaks, *self.doubles, *self.stuck]


def reads(action: str) -> bool:
    """Whether a call changes nothing."""
    name = action.partition(":")[2] or action
    return name.startswith(("GET ", "Describe", "Get", "List"))


class Sweep:
    """One cloud under the sweep; as a context manager it ends the process that calls.

    Args:
        provider: Name of the cloud.
        emulator: Of it, started.
        gpu: That is asked for.
        folder: For state.
    """

    def __init__(self, provider: str, emulator: Emulator, gpu: str, folder: Path) -> None:
        self.provider, self.emulator, self.gpu, self.folder = provider, emulator, gpu, folder
        self.log, self.writes = folder / "calls.log", folder / "writes"
        self.tally = Tally()
        program = [sys.executable, str(Path(__file__).with_name("caller.py"))]
        pipe = subprocess.PIPE
        self._caller = subprocess.Popen(program, text=True, cwd=TESTS, stdin=pipe, stdout=pipe)

    def __enter__(self) -> Sweep:
        return self

    def __exit__(self, *_: object) -> None:
        self._caller.communicate(timeout=10)

    def begin(self) -> None:
        """Neither a cloud nor this user knows anything."""
        self.emulator.reset()
        shutil.rmtree(self.folder / "state", ignore_errors=True)

    def call(self, verb: str, at: Point | None = None) -> int:
        """Carry out a verb, and kill it at a point; its exit code."""
        self.tally.runs += 1
        environment = {**self.emulator.environment(), "ZEPHYR_STATE_DIR": str(self.folder / "state")}
        call: dict[str, Any] = {"verb": verb, "provider": self.provider, "gpu": self.gpu, "environment": environment}
        if at and at.kind == "write":
            call |= {"write": at.number, "when": at.when}
        self._say(json.dumps({**call, "log": str(self.log), "writes": str(self.writes)}))
        pid = int(self._hear())
        if at and at.kind == "call":
            self.emulator.wire.fault(skip=at.number - 1, when=at.when, kill=pid)
        self._say("go")
        code = int(self._hear())
        self.emulator.wire.faults.clear()
        return code

    def points(self, verb: str) -> list[Point]:
        """Every instant of a verb that succeeds, by one run of it.

        After a call that only reads, and after a write of the journal, all is as it is before the next point; so these
        are not points of their own.
        """
        self.emulator.wire.asked.clear()
        self.writes.unlink(missing_ok=True)
        code = self.call(verb)
        assert code == 0, f"{verb} ended with {code}: {self.log.read_text()}"
        calls = self.emulator.wire.actions()
        writes = self.writes.read_text().splitlines()
        return [
            *(Point("call", n, "before", what) for n, what in enumerate(calls, 1)),
            *(Point("call", n, "after", what) for n, what in enumerate(calls, 1) if not reads(what)),
            *(Point("write", n, "before", what) for n, what in enumerate(writes, 1)),
        ]

    def changes(self, verb: str) -> list[Point]:
        """Those of its points that a kill may leave something else at: not those before a call that only reads.

        Before it all is as it was after the last change, which has a point of its own on either side.
        """
        return [point for point in self.points(verb) if not point.reads]

    def kill_up(self) -> Tally:
        """Kill `up` everywhere; then `up` again gives one machine, and, apart from that, `down` leaves nothing."""
        self.begin()
        for point in self._all(self.changes("up")):
            for then in ("up", "down"):
                self.begin()
                self.killed("up", point)
                self.judge(point, then)
        return self.tally

    def kill_down(self) -> Tally:
        """Kill `down` everywhere; then `down` again leaves nothing."""
        self.begin()
        self.call("up")
        for point in self._all(self.changes("down")):
            self.begin()
            self.call("up")
            self.killed("down", point)
            self.judge(point, "down")
        return self.tally

    def fail_up(self, faults: Faults) -> Tally:
        """Have each call of `up` fail in each way; then `up` again gives one machine."""
        self.begin()
        for point in self._all([point for point in self.points("up") if point.kind == "call"]):
            if point.when == "before":
                for how, fault in faults.items():
                    self.begin()
                    self.emulator.wire.fault(skip=point.number - 1, **fault)
                    self.call("up")
                    self.emulator.wire.faults.clear()
                    self.judge(f"{how} at {point.number} ({point.what})", "up")
        return self.tally

    def lag(self, seconds: float) -> Tally:
        """Kill `up` at each call that changes something, while lists show what was made only ``seconds`` later."""
        self.begin()
        for point in self._all(self.changes("up")):
            for then in ("up", "down"):
                self.begin()
                self.emulator.lag_s = seconds
                self.killed("up", point)
                self.judge(f"lag, {point}", then)
        return self.tally

    def redeploy(self, faults: Faults) -> Tally:
        """Kill `redeploy` everywhere, as it exposes an endpoint and as it ends that, and have each of its calls fail.

        The next `redeploy` of either kind has the firewall as open as the endpoint, and `down` leaves nothing.
        """
        for verb, before in ((SHOWING, HIDING), (HIDING, SHOWING)):
            self.serving(before)
            for point in self._all(self.points(verb)):
                for then in (SHOWING, HIDING, "down"):
                    self.serving(before)
                    self.killed(verb, point)
                    self.judge(f"{verb}, {point}", then)
                if (point.kind, point.when) == ("call", "before"):
                    for how, fault in faults.items():
                        self.serving(before)
                        self.emulator.wire.fault(skip=point.number - 1, **fault)
                        failed = self.call(verb)
                        self.emulator.wire.faults.clear()
                        self.judge_ports(f"{verb}, {how} at {point.number} ({point.what})", before if failed else verb)
        return self.tally

    def serving(self, verb: str) -> None:
        """A machine is there, and its endpoint was brought by this kind of `redeploy`."""
        self.begin()
        for each in ("up", verb):
            assert self.call(each) == 0, self.log.read_text()

    def killed(self, verb: str, point: Point) -> None:
        """A verb, killed at a point."""
        code = self.call(verb, point)
        assert code == SIGKILL, f"{verb} ended with {code} instead of being killed {point}"

    def judge(self, where: object, then: str) -> None:
        """Carry out the verb that is to mend it, and `down`; note what is wrong then."""
        code = self.call(then)
        if code:
            self.tally.stuck.append(f"{where}, then {then}: exit code {code}")
        if then == "up" and not code:
            machines = self.machines()
            if len(machines) != 1:
                self.tally.doubles.append(f"{where}, then up: {machines}")
        if then in {SHOWING, HIDING} and not code:
            self.judge_ports(f"{where}, then {then}", then)
        if then == "down" and (left := self.emulator.left()):
            self.tally.leaks.append(f"{where}: {left}")

    def judge_ports(self, where: object, verb: str) -> None:
        """Note ports that are open though nobody shows an endpoint there, or closed though somebody does."""
        ports, wanted = {port for port, _ in self.emulator.inbound()}, {22, 443} if verb == SHOWING else {22}
        if ports - wanted:
            self.tally.leaks.append(f"{where}: ports {sorted(ports - wanted)} are open")
        if wanted - ports:
            self.tally.stuck.append(f"{where}: ports {sorted(wanted - ports)} are closed")

    def machines(self) -> list[str]:
        """Those that exist."""
        return [thing for thing in self.emulator.left() if thing.startswith(("instance", "node"))]

    def _all(self, points: list[Point]) -> list[Point]:
        assert points
        self.tally.points += len(points)
        return points

    def _say(self, line: str) -> None:
        self._caller.stdin.write(line + "\n")
        self._caller.stdin.flush()

    def _hear(self) -> str:
        return self._caller.stdout.readline()


LAG_S = 0.3
PARTS: dict[str, Callable[[Sweep, Faults], Tally]] = {
    "up killed": lambda sweep, _faults: sweep.kill_up(),
    "down killed": lambda sweep, _faults: sweep.kill_down(),
    "up, every call fails": lambda sweep, faults: sweep.fail_up(faults),
    "up killed while lists lag": lambda sweep, _faults: sweep.lag(LAG_S),
    "redeploy killed, every call fails": lambda sweep, faults: sweep.redeploy(faults),
}
"""What is swept, by the title under which it is counted."""
ALWAYS = ("up killed",)
"""What is swept in every run of the tests, `down` after each kill included; the other parts are long."""


def parts() -> list[Any]:
    """The parts, as the parameters of a test."""
    return [pytest.param(part, marks=() if part in ALWAYS else pytest.mark.long) for part in PARTS]
