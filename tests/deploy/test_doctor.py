import importlib.util
import json
import sys

import pytest
from pydantic import TypeAdapter

from zephyr_deploy.deploy import doctor
from zephyr_deploy.deploy.results import Check


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("ZEPHYR_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def by_name(name):
    return next(check for check in doctor.doctor() if check.name == name)


def test_every_check_that_is_not_ok_has_a_fix():
    checks = doctor.doctor()
    assert len(checks) == len(doctor.CHECKS)
    assert all(bool(check.fix) == (check.verdict != "ok") for check in checks)


def test_checks_are_json():
    data = json.loads(TypeAdapter(list[Check]).dump_json(doctor.doctor()))
    assert {"name", "verdict", "detail", "fix"} == set(data[0])


def test_a_missing_engine_is_named_with_its_fix(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "xllamacpp" else find(name))
    check = by_name("embedded engine")
    assert (check.verdict, check.detail) == ("failed", "missing: xllamacpp")
    assert "zephyr-deploy[local]" in check.fix


def test_a_missing_libgomp_is_named_with_its_package(monkeypatch):
    def missing(_name):
        raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(doctor.ctypes, "CDLL", missing)
    monkeypatch.setattr(sys, "platform", "linux")
    assert "apt-get install libgomp1" in by_name("libgomp").fix


def test_a_processor_without_avx2_is_refused(monkeypatch):
    monkeypatch.setattr(doctor.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(doctor, "_cpu_flags", lambda: {"sse2", "avx"})
    assert by_name("processor").verdict == "failed"


def test_a_full_disk_says_how_much_to_free(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 10_000_000})())
    check = by_name("disk")
    assert check.verdict == "failed"
    assert "ZEPHYR_CACHE_DIR" in check.fix


def test_a_state_folder_open_to_others_is_a_warning(state):
    (state / "state").mkdir(mode=0o755)
    check = by_name("state folder")
    assert (check.verdict, check.fix) == ("warning", f"chmod 700 {state / 'state'}")


def test_doctor_changes_nothing(state):
    doctor.doctor()
    assert list(state.iterdir()) == []
