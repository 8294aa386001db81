import os
import signal
import subprocess
import sys
import time

import pytest

from zephyr_deploy.deploy.down import remove_empty
from zephyr_deploy.deploy.lock import deployment_lock
from zephyr_deploy.errors import LockedError

HOLD = """
import sys, time
from zephyr_deploy.deploy.lock import deployment_lock
with deployment_lock("demo", "up"):
    print("held", flush=True)
    time.sleep(float(sys.argv[1]))
"""

MANY = """
from zephyr_deploy.deploy.lock import deployment_lock
for _ in range(100):
    with deployment_lock("demo", "up", wait_s=30):
        pass
"""


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder():
    started = []

    def hold(seconds):
        process = subprocess.Popen([sys.executable, "-c", HOLD, str(seconds)], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_second_is_told_who_holds_the_lock(holder):
    process = holder(60)
    with pytest.raises(LockedError) as caught, deployment_lock("demo", "down"):
        pass
    assert "`up` of " in caught.value.message
    assert f"pid {process.pid}" in caught.value.message
    assert "--lock-wait" in caught.value.hint
    assert caught.value.details["pid"] == process.pid


def test_second_waits_until_the_first_is_done(holder):
    process = holder(0.5)
    with deployment_lock("demo", "down", wait_s=30):
        assert process.wait(timeout=10) == 0


def test_a_killed_holder_leaves_the_lock_free(holder):
    process = holder(60)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with deployment_lock("demo", "down", wait_s=5):
        pass


def test_deployments_do_not_lock_each_other(holder):
    holder(60)
    with deployment_lock("other", "up"):
        pass


def test_nothing_of_the_lock_stays(state):
    with deployment_lock("demo", "up"):
        assert list((state / "locks").iterdir())
    assert not list((state / "locks").iterdir())


def test_a_waiter_outlives_the_folder_that_its_holder_deletes(state, holder):
    """`down` removes the empty state folder while an `up` waits for its lock."""
    code = HOLD.replace('"up"', '"up", wait_s=20').replace("with", 'print("asks", flush=True)\nwith')
    with deployment_lock("demo", "down"):
        waiter = subprocess.Popen([sys.executable, "-c", code, "0"], stdout=subprocess.PIPE, text=True)
        assert waiter.stdout.readline() == "asks\n"
        time.sleep(0.1)
    remove_empty(state)
    assert waiter.wait(timeout=20) == 0
    waiter.stdout.close()


def test_locks_survive_a_folder_that_is_deleted_all_the_time(state):
    """Many short holders, and somebody who removes the empty folder whenever it can."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", MANY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=state.parent
        )
        for _ in range(2)
    ]
    while any(worker.poll() is None for worker in workers):
        remove_empty(state)
    errors = [worker.communicate()[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], errors
