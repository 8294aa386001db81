"""`up` is killed with -9 at every step it can be in; whatever comes next must put things right."""

import signal
import subprocess
import sys

import pytest

from zephyr_deploy import down, services, status, up
from zephyr_deploy.spec.deployment import Access, Deployment, Limits

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]

KILLED_UP = """
import os, signal, sys
from zephyr_deploy import up
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.events import PhaseFinished, PhaseStarted
from zephyr_deploy.providers.local.folder import Folder
from zephyr_deploy.providers.local.provider import LocalProvider
from zephyr_deploy.spec.deployment import Deployment

moment, deployment = sys.argv[1], Deployment.model_validate_json(sys.argv[2])

def die(*_args, **_kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def listener(event):
    word = {PhaseStarted: "before", PhaseFinished: "after"}.get(type(event))
    if word and f"{word} {event.phase}" == moment:
        die()

step, stop = {
    "between launch and record": (Folder, "write_record"),
    "between record and journal": (Journal, "done"),
    "between intent and stop": (LocalProvider, "stop"),
}.get(moment, (None, ""))
if step:
    setattr(step, stop, die)
up(deployment, listener=listener)
"""

MOMENTS = [
    "before plan",
    "before model",
    "after model",
    "before start",
    "between launch and record",
    "between record and journal",
    "after start",
    "before ready",
    "after ready",
]

REPLACING = [
    "before model",
    "before replace",
    "between intent and stop",
    "after replace",
    "before start",
    "between launch and record",
    "before ready",
    "after ready",
]
"""Those that are other ones where a service runs already that is not what is wanted."""

WISH = Deployment(name="killed", access=Access(port=0), limits=Limits(parallel=1, max_total_tokens=256))
OLDER = WISH.model_copy(update={"limits": Limits(parallel=2, max_total_tokens=256)})


@pytest.fixture(autouse=True)
def nothing_left(home):
    yield
    down("killed", grace_s=0)
    assert services("killed") == []


def kill_up(moment):
    command = [sys.executable, "-c", KILLED_UP, moment, WISH.model_dump_json(exclude_unset=True)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("moment", MOMENTS)
def test_up_completes_what_a_killed_up_began(moment):
    kill_up(moment)
    before = services("killed")
    result = up(WISH)
    assert result.service.state == "ready"
    assert [s.pid for s in services("killed")] == [result.service.pid]
    if before:
        assert result.service.pid == before[0].pid, "adopted, not started a second time"


@pytest.mark.parametrize("moment", MOMENTS)
def test_down_takes_away_what_a_killed_up_began(moment, home):
    kill_up(moment)
    down("killed", grace_s=0)
    assert services("killed") == []
    assert status("killed").service is None


@pytest.mark.parametrize("moment", REPLACING)
def test_up_completes_a_replacement_that_was_killed(moment):
    older = up(OLDER).service
    kill_up(moment)
    result = up(WISH)
    assert result.service.state == "ready"
    assert result.service.pid != older.pid
    assert [(s.pid, s.release) for s in services("killed")] == [(result.service.pid, result.release)]


@pytest.mark.parametrize("moment", REPLACING)
def test_down_takes_away_a_replacement_that_was_killed(moment):
    up(OLDER)
    kill_up(moment)
    down("killed", grace_s=0)
    assert services("killed") == []
    assert status("killed").service is None
