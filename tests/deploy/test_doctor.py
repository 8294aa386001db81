import json

import pytest
from pydantic import TypeAdapter

from zephyr_deploy.deploy import doctor
from zephyr_deploy.deploy.results import Check
from zephyr_deploy.errors import ConfigError


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("ZEPHYR_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def by_name(name):
    return next(check for check in doctor.doctor() if check.name == name)


def test_every_check_that_is_not_ok_has_a_fix():
    checks = doctor.doctor()
    assert len(checks) == len(doctor.CHECKS) + len(doctor.NEEDS)
    assert all(bool(check.fix) == (check.verdict != "ok") for check in checks)


def test_checks_are_json():
    data = json.loads(TypeAdapter(list[Check]).dump_json(doctor.doctor()))
    assert {"name", "verdict", "detail", "fix", "host", "denied"} == set(data[0])


@pytest.mark.parametrize("name", ["embedded engine", "libgomp", "processor"])
def test_what_up_would_refuse_is_told_with_its_fix(name, monkeypatch):
    def refuse():
        raise ConfigError("it is missing", hint="install it")

    monkeypatch.setitem(doctor.NEEDS, name, refuse)
    check = by_name(name)
    assert (check.verdict, check.detail, check.fix) == ("failed", "it is missing", "install it")


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


@pytest.mark.parametrize(("name", "variable"), [("state folder", "ZEPHYR_STATE_DIR"), ("disk", "ZEPHYR_CACHE_DIR")])
def test_a_file_in_the_place_of_a_folder_is_found(name, variable, state, monkeypatch):
    (state / "file").touch()
    monkeypatch.setenv(variable, str(state / "file"))
    check = by_name(name)
    assert check.verdict == "failed"
    assert variable in check.fix


def test_a_full_disk_of_the_state_is_found(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 0})())
    check = by_name("state folder")
    assert (check.verdict, "is full" in check.detail) == ("failed", True)


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied", "/x"), ConfigError("no home", hint="export HOME")]
)
def test_a_check_that_cannot_be_done_is_a_finding(monkeypatch, error):
    def refuse():
        raise error

    monkeypatch.setattr(doctor, "services_here", refuse)
    check = by_name("deployments")
    assert check.verdict == "failed"
    assert check.detail
    assert check.fix
