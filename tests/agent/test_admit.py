from __future__ import annotations

import os
import pwd
import stat
import time
from types import SimpleNamespace

import pytest

from zephyr_deploy.agent.admit import admit, dismiss
from zephyr_deploy.agent.errors import NodeError

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOEnBCsYZKrZiuGZw9QzG7UuQhBITkYblCT4W9ZD2+m1"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDdPDiI1c8yVTXnWKc9Yq1JZkyZBOEUE3hGvkAAAAAAA"


@pytest.fixture
def home(tmp_path, monkeypatch):
    me = SimpleNamespace(pw_dir=str(tmp_path), pw_uid=os.getuid(), pw_gid=os.getgid(), pw_name="me")
    monkeypatch.setattr(pwd, "getpwnam", {"me": me, "ubuntu": me}.__getitem__)
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: me)
    monkeypatch.delenv("SUDO_USER", raising=False)
    return tmp_path


def test_a_key_is_added_once_with_the_folder_it_needs(home, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "ubuntu")
    assert admit({"key": KEY}, None) == {"added": True}
    assert admit({"key": KEY + "\n"}, None) == {"added": False}
    path = home / ".ssh" / "authorized_keys"
    assert path.read_text() == f"{KEY} zephyr-deploy\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_keys_that_are_there_stay_on_their_lines(home):
    (home / ".ssh").mkdir()
    path = home / ".ssh" / "authorized_keys"
    path.write_text("ssh-rsa AAAA someone")
    admit({"key": KEY}, None)
    assert path.read_text().splitlines() == ["ssh-rsa AAAA someone", f"{KEY} zephyr-deploy"]


def test_whatever_bytes_others_have_in_a_comment_stay(home):
    (home / ".ssh").mkdir()
    path = home / ".ssh" / "authorized_keys"
    path.write_bytes(b"ssh-rsa AAAA Jos\xe9\n")
    admit({"key": KEY, "for_s": 60}, None)
    assert path.read_bytes().startswith(b"ssh-rsa AAAA Jos\xe9\n")
    dismiss({"key": KEY}, None)
    assert path.read_bytes() == b"ssh-rsa AAAA Jos\xe9\n"


@pytest.mark.parametrize("key", ["", "  ", f"{KEY}\n{KEY}"])
def test_what_is_not_one_line_is_refused(home, key):
    with pytest.raises(NodeError, match="one line"):
        admit({"key": key}, None)


@pytest.fixture
def clock(monkeypatch):
    """The node's own, which a test may move."""
    now = [1_800_000_000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    return now


def lines(home):
    return (home / ".ssh" / "authorized_keys").read_text().splitlines()


def test_a_guest_is_let_in_until_a_time_of_the_machines_own_clock(home, clock):
    assert admit({"key": KEY, "for_s": 1800}, None) == {"added": True}
    (line,) = lines(home)
    local = time.strftime("%Y%m%d%H%M%S", time.localtime(1_800_001_800))
    assert line == f'expiry-time="{local}" {KEY} zephyr-deploy guest 1800001800'


def test_the_time_zone_of_whoever_calls_does_not_count(home, clock, monkeypatch):
    before = time.strftime("%Y%m%d%H%M%S", time.localtime(1_800_001_800))
    monkeypatch.setenv("TZ", "UTC-11:30")
    admit({"key": KEY, "for_s": 1800}, None)
    assert before in lines(home)[0]
    assert os.environ["TZ"] == "UTC-11:30"


def test_a_guest_that_stays_longer_has_one_line(home, clock):
    admit({"key": KEY, "for_s": 600}, None)
    clock[0] += 300
    admit({"key": KEY, "for_s": 600}, None)
    assert [line.rpartition(" ")[2] for line in lines(home)] == ["1800000900"]


def test_a_key_that_the_cloud_put_there_for_a_guest_gets_an_end(home, clock):
    (home / ".ssh").mkdir()
    (home / ".ssh" / "authorized_keys").write_text(f"{OTHER}\n{KEY} zd-demo\n")
    admit({"key": KEY, "for_s": 60}, None)
    assert lines(home)[0] == OTHER
    assert [line.endswith(" zephyr-deploy guest 1800000060") for line in lines(home)] == [False, True]


def test_guests_whose_time_is_over_are_taken_out_by_the_next(home, clock):
    (home / ".ssh").mkdir()
    (home / ".ssh" / "authorized_keys").write_text("ssh-rsa AAAA someone\n")
    admit({"key": KEY, "for_s": 60}, None)
    clock[0] += 61
    admit({"key": OTHER}, None)
    assert lines(home) == ["ssh-rsa AAAA someone", f"{OTHER} zephyr-deploy"]


def test_a_guest_that_leaves_takes_its_own_key_along_and_no_other(home, clock):
    admit({"key": OTHER}, None)
    admit({"key": KEY, "for_s": 60}, None)
    assert dismiss({"key": KEY}, None) == {"removed": True}
    assert dismiss({"key": KEY}, None) == {"removed": False}
    assert dismiss({"key": OTHER}, None) == {"removed": False}
    assert lines(home) == [f"{OTHER} zephyr-deploy"]


def test_who_was_a_guest_may_stay_for_good(home, clock):
    admit({"key": KEY, "for_s": 60}, None)
    assert admit({"key": KEY}, None) == {"added": True}
    assert lines(home) == [f"{KEY} zephyr-deploy"]


def test_the_file_keeps_its_mode_and_its_place(home, clock):
    (home / "kept").write_text(f"{OTHER}\n")
    (home / "kept").chmod(0o640)
    (home / ".ssh").mkdir()
    (home / ".ssh" / "authorized_keys").symlink_to(home / "kept")
    admit({"key": KEY, "for_s": 60}, None)
    assert (home / ".ssh" / "authorized_keys").is_symlink()
    assert stat.S_IMODE((home / "kept").stat().st_mode) == 0o640
    assert len((home / "kept").read_text().splitlines()) == 2
