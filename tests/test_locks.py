import os
import stat

import pytest
from filelock import FileLock, Timeout

from zephyr_deploy.errors import ConfigError, LockedError
from zephyr_deploy.locks import acquire
from zephyr_deploy.paths import TRIES


@pytest.fixture
def path(tmp_path):
    return tmp_path / "locks" / "demo.lock"


@pytest.fixture
def failing(monkeypatch):
    """Let filelock fail the first ``times`` times as it does when its folder is deleted under it."""
    real, failed = FileLock.acquire, []

    def install(error, times):
        def racing(lock, *args, **kwargs):
            if len(failed) < times:
                failed.append(error)
                raise error(f"[Errno 17] {lock.lock_file}")
            return real(lock, *args, **kwargs)

        monkeypatch.setattr(FileLock, "acquire", racing)
        return failed

    return install


def test_makes_its_folder_for_the_user_alone(path):
    acquire(path, 0).release()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_waits_no_longer_than_it_may(path):
    held = acquire(path, 0)
    with pytest.raises(Timeout):
        acquire(path, 0.05)
    held.release()
    acquire(path, 0).release()


@pytest.mark.parametrize("error", [FileNotFoundError, FileExistsError])
def test_outlives_a_folder_that_vanishes(error, path, failing):
    failed = failing(error, times=2)
    acquire(path, 0).release()
    assert len(failed) == 2


def test_gives_up_on_a_folder_that_always_vanishes(path, failing):
    failed = failing(FileExistsError, times=10**6)
    with pytest.raises(LockedError, match="vanishes whenever it is made"):
        acquire(path, 0)
    assert len(failed) == TRIES


def test_names_a_file_in_the_folders_place(path):
    path.parent.write_text("")
    with pytest.raises(ConfigError, match=os.fspath(path.parent)):
        acquire(path, 0)
