"""Processes that end as they should not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from zephyr_deploy.bench.driven import Driven
from zephyr_deploy.bench.load.board import Board
from zephyr_deploy.bench.processes.machine import make_room
from zephyr_deploy.bench.processes.parent import in_processes
from zephyr_deploy.bench.sample import Sample
from zephyr_deploy.errors import CapacityError, DeadlineError, UnreachableError, UsageError, ZephyrError


def drive(work, many=2, **options):
    return asyncio.run(in_processes(many, work, Board(), **options))


def but_the_second(act):
    """What all do, and the second process does."""

    async def work(place):
        if place.share.index == 1:
            act()
        await asyncio.sleep(60)

    return work


def test_none_begins_before_all_are_ready():
    async def work(place):
        await asyncio.sleep(0.05 * place.share.index)
        ready_ns = time.perf_counter_ns()
        await place.begin()
        return Driven([Sample(time.perf_counter_ns(), due_ns=ready_ns, ended_ns=place.board.zero_ns)])

    samples = drive(work, 3).samples
    assert min(sample.taken_ns for sample in samples) >= max(sample.due_ns for sample in samples)
    assert len({sample.ended_ns for sample in samples}) == 1


def test_a_process_that_is_killed_is_told_of():
    with pytest.raises(CapacityError, match="process 2 of 2 of the load was killed"):
        drive(but_the_second(lambda: os.kill(os.getpid(), signal.SIGKILL)))


def test_a_signal_is_named():
    with pytest.raises(ZephyrError, match="ended by signal 15"):
        drive(but_the_second(lambda: os.kill(os.getpid(), signal.SIGTERM)))


def test_its_error_is_ours():
    def fail():
        raise UnreachableError("nobody there", hint="look")

    with pytest.raises(UnreachableError, match="nobody there") as caught:
        drive(but_the_second(fail))
    assert caught.value.hint == "look"


def test_a_fault_of_ours_is_told_with_its_place():
    with pytest.raises(ZephyrError, match="process 2 of 2 of the load failed: ZeroDivisionError") as caught:
        drive(but_the_second(lambda: 1 / 0))
    assert "test_parent.py" in caught.value.details["traceback"]


def test_a_process_that_hangs_is_ended():
    with pytest.raises(DeadlineError, match=r"process 2 of 2 of the load gave no sign of life for 3 s"):
        drive(but_the_second(lambda: time.sleep(60)), silent_s=3.0)


def test_they_leave_nothing_of_ours_open(tmp_path):
    """A pipe that this process closes is closed, though processes were forked while it was open."""
    reading, writing = os.pipe()

    async def inner():
        running = asyncio.create_task(in_processes(2, but_the_second(lambda: None), Board()))
        await asyncio.sleep(0.2)
        os.close(writing)
        ended = await asyncio.to_thread(os.read, reading, 1)
        running.cancel()
        return ended

    assert asyncio.run(inner()) == b""
    os.close(reading)


def test_they_end_early_with_what_is_over():
    async def work(place):
        await place.begin()
        over = place.board.begin(0, 0, None)
        place.board.over(over)
        place.board.begin(1, 0, None)  # and this one never is
        ended = asyncio.Event()
        place.board.on_stop(ended.set)
        await ended.wait()
        return Driven(place.board.finished())

    async def inner():
        board = Board()
        running = asyncio.create_task(in_processes(2, work, board))
        while board.done < 2:  # noqa: ASYNC110 - other processes count it
            await asyncio.sleep(0.01)
        board.stop("Ctrl-C")
        return board, await running

    board, driven = asyncio.run(asyncio.wait_for(inner(), 20))
    assert len(driven.samples) == 2
    assert (board.done, board.under_way, board.failed) == (2, 2, 0)


ORPHANS = """
import asyncio, os
from zephyr_deploy.bench.load.board import Board
from zephyr_deploy.bench.processes.parent import in_processes

async def work(place):
    os.write(2, b"%d\\n" % os.getpid())
    await asyncio.sleep(60)

asyncio.run(in_processes(2, work, Board()))
"""


def test_they_end_with_the_one_that_began_them():
    with subprocess.Popen([sys.executable, "-c", ORPHANS], stderr=subprocess.PIPE, text=True) as parent:
        assert all(int(parent.stderr.readline()) for _ in range(2))
        parent.kill()
        assert parent.stderr.read() == ""  # the end of the file comes when the last of them has closed it


def test_too_few_open_files_are_told_of_before(monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (256, 1024))
    with pytest.raises(UsageError, match="1000 connections at once need 1128 open files, and this system allows 1024"):
        make_room(1000)


@pytest.mark.parametrize(("soft", "set_to"), [(256, [1128]), (5000, [])])
def test_as_many_files_as_the_system_allows_and_never_fewer_than_before(monkeypatch, soft, set_to):
    resource = pytest.importorskip("resource")
    asked = []

    def set_limit(_which, limits):
        asked.append(limits)
        if limits[0] == resource.RLIM_INFINITY:
            raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _which: (soft, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", set_limit)
    make_room(1000)
    assert [soft for soft, _ in asked] == [resource.RLIM_INFINITY, *set_to]
