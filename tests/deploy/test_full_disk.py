"""What has to work on a machine in a bad state: `down` on a full disk, any verb as a user without a name."""

import errno
import getpass
import os
from pathlib import Path

import pytest

from zephyr_deploy import down, services, up
from zephyr_deploy.deploy.lock import deployment_lock
from zephyr_deploy.errors import LockedError
from zephyr_deploy.spec.deployment import Access, Deployment, Limits


def full(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.engine
@pytest.mark.timeout(120)
def test_down_stops_the_service_although_nothing_can_be_written(home, monkeypatch):
    wish = Deployment(name="full", access=Access(port=0), limits=Limits(parallel=1, max_total_tokens=256))
    pid = up(wish).service.pid
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        patch.setattr(os, "write", full)
        stopped = down("full", grace_s=5).stopped
    assert [service.pid for service in stopped] == [pid]
    assert services("full") == []


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 12345"), OSError("No username set")])
def test_a_user_without_an_entry_holds_a_lock_too(home, monkeypatch, error):
    def nobody():
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    with (
        deployment_lock("demo", "up"),
        pytest.raises(LockedError, match=f"`up` of user {os.getuid()} "),
        deployment_lock("demo", "down"),
    ):
        pass
