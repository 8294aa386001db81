import os

import pytest

from zephyr_deploy.providers.local.probe import nvidia_gpus, usable_cpus

AFFINITY = len(os.sched_getaffinity(0))


def test_no_quota_is_all_processors(tmp_path):
    assert usable_cpus(tmp_path) == AFFINITY


@pytest.mark.parametrize(("line", "cpus"), [("50000 100000", 1), ("150000 100000", 1), ("max 100000", AFFINITY)])
def test_cgroup_v2_quota_is_rounded_down_but_never_to_none(tmp_path, line, cpus):
    (tmp_path / "cpu.max").write_text(line + "\n")
    assert usable_cpus(tmp_path) == cpus


def test_cgroup_v1_quota(tmp_path):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert usable_cpus(tmp_path) == 1


def test_gpus_are_what_the_driver_says(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nprintf 'NVIDIA L4\\nNVIDIA L4\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nvidia_gpus() == ("NVIDIA L4", "NVIDIA L4")


def test_a_driver_that_fails_is_no_gpu(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nvidia_gpus() == ()
