"""Rows of nvidia-smi: what it says, what it does not say, and what the GPUs took."""

from __future__ import annotations

import os
import sys
import time

import pytest

from zephyr_deploy.agent import watch_gpus
from zephyr_deploy.bench.server.gpus import energy_j, gpu_row, gpu_series
from zephyr_deploy.bench.server.local_gpus import LocalGpus

SECOND = 1_000_000_000


def rows(*powers, gpu=0):
    """A reading a second."""
    return [gpu_row(f"{gpu}, 96, 40, 21000, {power}, 1590, 61", at * SECOND) for at, power in enumerate(powers)]


def test_a_row():
    found = gpu_row("1, 96, 40, 21000, 287.31, 1980, 61", 7)
    assert found == (7, 1, 96, 40, 21000, 287.31, 1980, 61)


@pytest.mark.parametrize("word", ["[N/A]", "[Not Supported]", "N/A", "[Unknown Error]", "[GPU requires reset]"])
def test_what_a_card_does_not_tell_is_not_0(word):
    found = gpu_row(f"0, {word}, {word}, 21000, {word}, 1980, 61", 7)
    assert (found.use, found.memory_use, found.power_w, found.memory_mib) == (None, None, None, 21000)
    assert {one.name for one in gpu_series([found], 0, SECOND)} == {"gpu_memory", "gpu_clock", "gpu_temperature"}
    assert energy_j([found], 0, SECOND) is None


@pytest.mark.parametrize(
    "row",
    [
        "",
        "Unable to determine the device handle for GPU0000:01:00.0: GPU has fallen off the bus.",
        "No devices were found",
        "0, 96",
        "index, utilization.gpu [%], utilization.memory [%], memory.used [MiB], power.draw [W], clocks.sm [MHz], temp",
    ],
)
def test_other_words_are_no_row(row):
    assert gpu_row(row, 7) is None


def test_one_gpu_over_a_level():
    found = {one.name: one for one in gpu_series(rows(100, 200, 300, 400), SECOND, 2 * SECOND)}
    assert found["gpu_power"].points == ((0, 200), (1000, 300))
    assert (found["gpu_use"].title, found["gpu_use"].unit, found["gpu_use"].mean) == ("GPU in use", "%", 96)


def test_several_gpus_of_one_round_are_one_point():
    both = [one for pair in zip(rows(100, 200), rows(10, 20, gpu=1), strict=True) for one in pair]
    later = [one._replace(at_ns=one.at_ns + one.gpu) for one in both]  # nvidia-smi prints one after the other
    power = next(one for one in gpu_series(later, 0, SECOND) if one.name == "gpu_power")
    assert power.title == "GPU power (all 2 GPUs)"
    assert power.points == ((0, 110), (1000, 220))
    (power,) = [one for one in gpu_series(later[:-1], 0, SECOND) if one.name == "gpu_power"]
    assert power.points == ((0, 110),)  # not 200 W of one of the two


def test_energy_is_power_over_the_level_alone():
    assert energy_j(rows(100, 100, 100, 100), SECOND, 3 * SECOND) == pytest.approx(200)
    assert energy_j(rows(100, 300), 0, SECOND) == pytest.approx(200)
    assert energy_j(rows(100, 300), SECOND // 2, SECOND) == pytest.approx(125)


def test_before_the_first_and_after_the_last_reading_power_stays():
    assert energy_j(rows(100)[:1], -2 * SECOND, 3 * SECOND) == pytest.approx(500)
    assert energy_j([], 0, SECOND) is None


def test_energy_of_several_gpus_is_the_sum_and_of_a_silent_one_unknown():
    assert energy_j(rows(100, 100) + rows(50, 50, gpu=1), 0, SECOND) == pytest.approx(150)
    assert energy_j(rows(100, 100) + rows("[N/A]", "[N/A]", gpu=1), 0, SECOND) is None


ROW = "0, 96, 40, 21000, 287.31, 1590, 61"


def stamp(at_s):
    return time.strftime(watch_gpus.FORM, time.localtime(at_s)) + f".{int(at_s % 1 * 1000):03d}"


def test_timestamps_become_this_machine_s_monotonic_clock():
    now_ns = time.perf_counter_ns()
    at_ns, row = watch_gpus.timed(f"{stamp(time.time() - 5)}, {ROW}")
    assert row == ROW
    assert abs(at_ns - (now_ns - 5 * SECOND)) < SECOND


@pytest.mark.parametrize("odd", ["2001/01/01 00:00:00.000", "no time", "99999/13/77 00:00:00.1", ""])
def test_a_stamp_that_cannot_be_right_is_not_believed(odd):
    at_ns, row = watch_gpus.timed(f"{odd}, {ROW}")
    assert abs(at_ns - time.perf_counter_ns()) < SECOND
    assert row == ROW


@pytest.mark.parametrize("line", ["", "No devices were found", f"{stamp(0)}, 0, 96", 'Field "x" is not a valid field.'])
def test_other_lines_are_no_rows(line):
    assert watch_gpus.timed(line) is None


@pytest.fixture
def smi(tmp_path, monkeypatch):
    """An nvidia-smi that does what it is told to."""

    def does(script):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return does


def waited(condition):
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


FLUSHES_LATE = """exec {python} -S -c '
import sys, time
if "timestamp" in sys.argv[1]:
    while True:
        print(time.strftime("%Y/%m/%d %H:%M:%S.500, ") + "{row}")
        time.sleep(0.1)
print("NVIDIA L4, 23034, 1, 570.1, 8.9")
' $*
"""


def test_rows_come_at_once_from_a_program_that_gathers_them_in_pipes(smi):
    smi(FLUSHES_LATE.format(python=sys.executable, row=ROW))
    found = LocalGpus()
    try:
        now = time.perf_counter_ns()
        assert waited(lambda: len(found.seen(now, now).gpus) >= 2)
        assert found.about().gpus == ("NVIDIA L4",)
        assert found.seen(now, now).notes == ()
    finally:
        found.close()


def test_what_it_says_instead_is_noted(smi):
    smi("echo 'Field \"clocks.sm\" is not a valid field to query.'; exit 2")
    found = LocalGpus()
    try:
        assert waited(lambda: "valid field" in found.seen(0, 1).notes[0])
    finally:
        found.close()
