from __future__ import annotations

import os
import pwd
import stat
from types import SimpleNamespace

import pytest

from zephyr_deploy.agent.admit import admit
from zephyr_deploy.agent.errors import NodeError

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOEnBCsYZKrZiuGZw9QzG7UuQhBITkYblCT4W9ZD2+m1"


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


@pytest.mark.parametrize("key", ["", "  ", f"{KEY}\n{KEY}"])
def test_what_is_not_one_line_is_refused(home, key):
    with pytest.raises(NodeError, match="one line"):
        admit({"key": key}, None)
