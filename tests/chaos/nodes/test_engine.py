"""The engine crashes, hangs or is killed, while it starts and while it serves; nobody is told that it is well."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from chaos.nodes.laptop import NAME, wait_until

from zephyr_deploy import services, status
from zephyr_deploy.deploy.redeploy import redeploy
from zephyr_deploy.errors import DeadlineError, EngineFailedError
from zephyr_deploy.release import request
from zephyr_deploy.spec.deployment import Engine

WRAPPED = "/usr/local/bin/docker"
SMALL = f"""cat > {WRAPPED} <<'END'
#!/bin/sh
[ "$1" = run ] || exec /usr/bin/docker "$@"
shift
exec /usr/bin/docker run --memory 24m --memory-swap 24m "$@"
END
chmod 755 {WRAPPED}"""
"""A machine with too little memory: whatever is started from now on may have 24 MB."""


@pytest.fixture(scope="module", autouse=True)
def impatient():
    """Who does not answer here will not: nothing else runs on the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request, "PROBE_S", 3.0)
        patch.setattr(request, "BROKEN_S", 3.0)
        yield


@pytest.fixture
def served(laptop):
    """The plain deployment, serving."""
    return laptop.up()


def container(release):
    return f"zephyr-{NAME}-{release}"


@contextmanager
def too_little_memory(node):
    node.exec(SMALL)
    try:
        yield
    finally:
        node.exec(f"rm {WRAPPED}")


def detail_of(deployment):
    """What `status` says of a machine where all is not well."""
    (machine,) = status(deployment).machines
    assert machine.state == "unhealthy", machine
    return machine.detail


@pytest.mark.parametrize(
    ("failure", "ready_s", "words"),
    [
        # How it ends is shown by deploy.test_diagnosis_on_a_node, and what is left by deploy.test_on_a_node.
        pytest.param("crash-loop", 60.0, "does not match the weights", marks=pytest.mark.long),
        ("hang", 8.0, "within 8 s"),
    ],
)
def test_a_release_that_fails_as_it_starts_leaves_the_old_one(laptop, served, failure, ready_s, words):
    with pytest.raises((EngineFailedError, DeadlineError), match=words) as caught:
        redeploy(laptop.failing(failure), laptop.options(ready_deadline_s=ready_s))
    assert f"release {served.release} serves again" in caught.value.message
    assert caught.value.hint
    laptop.assert_serves(served.release)


def test_a_release_that_needs_more_memory_than_there_is_leaves_the_old_one(laptop, served):
    """Beside the old one, which could not be started again on such a machine."""
    wish = laptop.wish(engine=Engine(memory_fraction=0.4))
    with too_little_memory(laptop.node), pytest.raises(EngineFailedError, match=r"too little memory \(OOM\)") as caught:
        laptop.redeploy(wish)
    assert "more memory" in caught.value.hint
    laptop.assert_serves(served.release)


def test_an_engine_that_is_killed_is_started_again(laptop, served):
    laptop.node.exec(f"docker kill {container(served.release)}")
    (machine,) = status(NAME).machines
    assert machine.state != "ready"
    wait_until(lambda: services(NAME)[0].state == "ready")
    assert status(NAME).machines[0].restarts >= 1
    laptop.assert_serves(served.release)


def test_an_engine_that_accepts_and_answers_nothing_is_told_and_started_anew(laptop, served):
    laptop.node.exec(f"docker kill --signal STOP {container(served.release)}")
    assert "/health: timed out" in detail_of(NAME)
    result = laptop.up()
    assert (result.changed, result.release) == (True, served.release)
    laptop.assert_serves(served.release)


def test_an_engine_that_is_healthy_and_generates_no_more_is_told_and_replaced(laptop, served):
    stuck = redeploy(laptop.failing("stuck", LAB_FAIL_AFTER_S="8"), laptop.options(ready_deadline_s=60.0))
    wait_until(lambda: services(NAME)[0].state != "ready")
    assert "/generate: timed out" in detail_of(NAME)
    result = laptop.redeploy(laptop.wish())
    assert result.release == served.release != stuck.release
    laptop.assert_serves(served.release)
