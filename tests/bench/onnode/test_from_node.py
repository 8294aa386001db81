"""A load from another machine; that machine is this one, and its shell a subprocess."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import subprocess
import sys
import threading

import pytest
from emulators import scripted

from zephyr_deploy.bench.asks import Turn
from zephyr_deploy.bench.load.board import Board
from zephyr_deploy.bench.load.plan import Course
from zephyr_deploy.bench.loads import Closed, Open
from zephyr_deploy.bench.onnode import program, remote
from zephyr_deploy.bench.onnode.remote import FromNode
from zephyr_deploy.bench.run import run
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.endpoint.types import Endpoint
from zephyr_deploy.errors import ConfigError, OverloadedError, UnreachableError, UsageError
from zephyr_deploy.events import PhaseProgress
from zephyr_deploy.spec.secret import Secret

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nodes run Linux")
KEY = "s3cret-key"


class Lines:
    """As `zephyr_deploy.node.lines.Lines`."""

    def __init__(self, command, stdin):
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"]},
        )
        self.rc, self.stderr = None, ""
        self._writing = threading.Thread(target=self._write, args=(stdin,))
        self._writing.start()

    def _write(self, stdin):
        try:
            with self._process.stdin as file:
                file.write(stdin)
        except BrokenPipeError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    def __iter__(self):
        for line in self._process.stdout:
            yield line.decode().rstrip("\n")
        self._writing.join()
        self.stderr = self._process.stderr.read().decode()
        self.rc = self._process.wait()

    def close(self):
        for file in (self._process.stdout, self._process.stderr):
            file.close()
        self._process.wait(20)


class Shell:
    """As `zephyr_deploy.node.connection.NodeConnection`."""

    def __init__(self, python=sys.executable):
        self.python, self.commands = python, []

    def lines(self, command, stdin=b"", *, deadline_s, idle_s, what):
        self.commands.append(command)
        return Lines([self.python, *shlex.split(command)[1:]], stdin)

    def run(self, command, stdin=b"", *, deadline_s):
        self.commands.append(command)
        subprocess.run(shlex.split(command), check=True, timeout=deadline_s)


def spec(**changes):
    return BenchSpec(
        **{"concurrency": (3,), "requests": 8, "warmup": 2, "deadline_s": 20.0, "priority": False, **changes}
    )


def measure(script, spec, shell=None, listener=lambda event: None):
    shell = shell or Shell()

    async def inner():
        async with scripted.serving(script) as (server, url):
            # What leads here from there is an address that nobody here could use.
            endpoint = Endpoint(name="x", url="http://127.0.0.1:9", engine="tgi", model_id="m", api_key=Secret(KEY))
            drivers = FromNode(shell, endpoint, url, spec)
            return server, await run(endpoint, spec, listener, drivers=drivers)

    return asyncio.run(inner())


def test_the_figures_are_those_of_a_benchmark_from_here():
    events = []
    server, report = measure(scripted.Script(events=5), spec(), listener=events.append)
    (level,) = report.levels
    assert report.measured_from == "node"
    assert (level.requests, level.succeeded, level.errors, level.warmup_requests) == (8, 8, {}, 2)
    assert level.output_tokens.p50 == 5
    assert level.itl_ms.n == 8 * 4
    assert level.client.stamped_share > 0
    assert len(set(server.prompts)) == 10
    assert [event.done for event in events if isinstance(event, PhaseProgress)][-1] == 8


@pytest.mark.parametrize("load", [Open(rate_per_s=50), Closed(concurrency=2)])
def test_loads_that_end_by_time(load):
    wanted = BenchSpec(loads=(load,), duration_s=0.5, warmup=2, priority=False)
    _, report = measure(scripted.Script(itl_s=0.01), wanted)
    (level,) = report.levels
    assert level.requests == level.succeeded > 4


def test_what_was_held_back_is_counted():
    load = Open(rate_per_s=200, arrivals="constant")
    wanted = BenchSpec(loads=(load,), requests=8, warmup=0, max_in_flight=1, priority=False)
    _, report = measure(scripted.Script(itl_s=0.05), wanted)
    (level,) = report.levels
    assert (level.succeeded, level.held_back) == (8, 7)


def test_no_conversation_of_a_number_is_left_behind(monkeypatch):
    monkeypatch.setattr(remote, "MOST", 4)
    _, report = measure(scripted.Script(), spec())
    assert report.levels[0].succeeded == 8


def test_it_has_the_time_that_turns_and_what_is_held_back_may_take():
    allowed = []

    class Slow(Shell):
        def lines(self, command, stdin=b"", *, deadline_s, **more):
            allowed.append(deadline_s)
            return super().lines(command, stdin, deadline_s=deadline_s, **more)

    wanted = BenchSpec(loads=(Open(rate_per_s=100),), requests=4, warmup=0, turns=3, max_in_flight=1, deadline_s=60.0)
    measure(scripted.Script(), wanted, Slow())
    assert allowed[-1] >= 4 * 3 * 60


def test_several_turns_and_several_processes():
    _, report = measure(scripted.Script(), spec(turns=2, processes=2))
    (level,) = report.levels
    assert level.client.processes == 2
    assert {record.turn for record in level.log} == {0, 1}


def test_failures_keep_their_kinds():
    _, report = measure(scripted.Script(behaviours=["ok", "429", "truncated", "500"]), spec(warmup=0))
    assert report.levels[0].errors == {"overloaded": 2, "incomplete": 2, "http_500": 2}


def test_a_warmup_that_only_fails_ends_the_run():
    with pytest.raises(OverloadedError):
        measure(scripted.Script(behaviours=["429"]), spec())


def test_ctrl_c_brings_what_there_is():
    sent = []

    def interrupt(event):
        if isinstance(event, PhaseProgress) and event.done and not sent:
            sent.append(os.kill(os.getpid(), signal.SIGINT))

    shell, script = Shell(), scripted.Script(behaviours=["ok"] * 6 + ["silent"])
    _, report = measure(script, spec(requests=40), shell, interrupt)
    assert report.interrupted
    assert 0 < report.levels[0].succeeded < 40
    assert re.fullmatch(r"kill -INT \d+", shell.commands[-1])


def test_ctrl_c_before_the_program_runs_ends_it_when_it_does():
    board = Board()

    class Early(Shell):
        def lines(self, command, stdin=b"", **more):
            board.stop("Ctrl-C")
            return super().lines(command, stdin, **more)

    async def inner():
        async with scripted.serving(scripted.Script(behaviours=["silent"])) as (_, url):
            endpoint = Endpoint(name="x", url=url, engine="tgi", model_id="m")
            course = Course(iter([(Turn("hello", 5),)]), workers=1, total=1)
            return await FromNode(Early(), endpoint, url, spec()).drive(course, board, connections=1)

    assert asyncio.run(asyncio.wait_for(inner(), 60)).samples == []


def test_the_key_is_in_no_command():
    shell = Shell()
    measure(scripted.Script(), spec(), shell)
    assert shell.commands
    assert not any(KEY in command for command in shell.commands)


def test_a_machine_without_python():
    class Bare(Shell):
        def lines(self, command, stdin=b"", **_more):
            return Lines(["sh", "-c", "echo 'sh: 1: python3: not found' >&2; exit 127"], stdin)

    with pytest.raises(ConfigError, match="has no Python for --on-node"):
        measure(scripted.Script(), spec(), Bare())


def test_a_python_that_is_too_old(monkeypatch):
    monkeypatch.setattr(remote, "_bootstrap", lambda: remote_bootstrap().replace("(3, 10)", "(9, 0)"))
    with pytest.raises(ConfigError, match=r"--on-node needs Python 3\.10 or newer on the node, and it has 3\."):
        measure(scripted.Script(), spec())


remote_bootstrap = remote._bootstrap


def test_a_program_that_is_killed():
    class Killed(Shell):
        def lines(self, command, stdin=b"", **_more):
            return Lines(["sh", "-c", "kill -9 $$"], stdin)

    with pytest.raises(UnreachableError, match="ended on the node without results"):
        measure(scripted.Script(), spec(), Killed())


def test_a_fault_of_the_system_there_is_told(monkeypatch, capfd):
    async def full(_job):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(program, "_run", full)
    assert program.main({}) == 1
    assert "No space left on device" in capfd.readouterr().out


def test_it_ends_where_nobody_listens(monkeypatch):
    async def heard(_job):
        program.tell("begun")

    def refused(_fd, _data):
        raise BrokenPipeError

    monkeypatch.setattr(program, "_run", heard)
    monkeypatch.setattr(os, "write", refused)
    assert program.main({}) == program.NOT_HEARD


def test_the_text_generation_client_stays_here():
    with pytest.raises(UsageError, match="cannot run on the node"):
        measure(scripted.Script(), spec(client="tgi"))
