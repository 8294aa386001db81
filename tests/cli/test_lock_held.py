from __future__ import annotations

import json

import pytest

from zephyr_deploy.cli.main import main
from zephyr_deploy.deploy import lock_held
from zephyr_deploy.deploy.lock_held import Holder, LockHeld

BOB = Holder(
    host="gpu1", of="run", user="bob", machine="GitHub Actions", command="redeploy", version="1", run="r2", held_s=35.0
)


@pytest.fixture
def holders(monkeypatch):
    """Who holds it; what was asked is added behind."""
    found = [BOB]

    def show(name, _listener):
        return LockHeld(name=name, holders=tuple(found))

    def release(name, *, force, listener):
        assert force
        return LockHeld(name=name, holders=tuple(found), released=bool(found))

    monkeypatch.setattr(lock_held, "show", show)
    monkeypatch.setattr(lock_held, "release", release)
    return found


def test_show(holders, capsys):
    assert main(["lock", "show", "demo"]) == 0
    out = capsys.readouterr().out
    for words in ("gpu1", "bob@GitHub Actions", "redeploy", "35 s"):
        assert words in out
    assert main(["lock", "show", "demo", "-o", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["kind"], answer["data"]["holders"][0]["user"]) == ("lock.show", "bob")


def test_nobody(holders, capsys):
    holders.clear()
    assert main(["lock", "show", "demo"]) == 0
    assert "Nobody holds demo." in capsys.readouterr().err
    assert main(["lock", "release", "demo", "--force"]) == 0
    assert "Nobody holds demo." in capsys.readouterr().err


def test_release(holders, capsys):
    assert main(["lock", "release", "demo", "--force"]) == 0
    assert "demo is let go." in capsys.readouterr().err


def test_without_force_it_is_refused_as_locked(monkeypatch, capsys):
    monkeypatch.setattr(lock_held, "show", lambda name, _listener: LockHeld(name=name, holders=(BOB,)))
    assert main(["lock", "release", "demo"]) == 9
    assert "bob on GitHub Actions" in capsys.readouterr().err
