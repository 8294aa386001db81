"""Pushes to main that nobody watches, from the first to the machine's end: on AWS's emulator with a real machine.

Each job has a clean checkout, an empty home, and a role; what it knows of the machine it finds by its tags. Meanwhile a
user sends requests without a pause, through a laptop of the same account.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone

import pytest
from ci.conftest import EXAMPLES
from ci.on_aws import runner_for
from emulators.rehearsal import clouds
from load import Load

from zephyr_deploy.deploy.reach import reached
from zephyr_deploy.deploy.redeploy import releases
from zephyr_deploy.providers.registry import cloud

NAME = "demo"
SLOW_S = 10.0
"""How much later every answer of a slow release begins; the lab's engine takes a fraction of a second."""
WANTED = """\
name = "demo"
provider = "aws"
[machine]
gpu = "a10g"
[limits]
max_total_tokens = {tokens}
[engine]
env = {{ {env} }}
[gate]
fail_if = ["ttft_p50>8s", "errors>0"]
smoke = false
concurrency = [2]
requests = 4
prompt_tokens = 16
max_new_tokens = 4
"""


@pytest.fixture
def account(lab, tmp_path_factory):
    with clouds(lab, tmp_path_factory.mktemp("machines")) as both:
        yield both


@pytest.fixture
def laptop(account, tmp_path, monkeypatch):
    """This process: somebody of the same account, who knows nothing of the machine at first."""
    for variable, text in account.environment().items():
        monkeypatch.setenv(variable, text)
    for variable, folder in (("ZEPHYR_STATE_DIR", "state"), ("ZEPHYR_CACHE_DIR", "cache")):
        monkeypatch.setenv(variable, str(tmp_path / "laptop" / folder))


class Repository:
    """What is pushed, and what the workflows make of it."""

    def __init__(self, folder, account):
        self.files = folder / "repository"
        self.files.mkdir()
        self.runner = runner_for(account, folder, self.files)

    def write(self, tokens, delay_s=0.0):
        env = f'LAB_DELAY_S = "{delay_s}"' if delay_s else ""
        (self.files / "zephyr.toml").write_text(WANTED.format(tokens=tokens, env=env))

    def job(self, event="push", **inputs):
        """One run of the workflow that deploys, not begun yet."""
        return self.runner.jobs(EXAMPLES / "deploy.yml", event, inputs=inputs)["deploy"]

    def push(self, tokens, delay_s=0.0):
        """Change what is wanted; what came of the run, and what it told."""
        self.write(tokens, delay_s)
        ran = self.job().run()
        return ran, ran.step("deploy").outputs


@pytest.mark.long
@pytest.mark.timeout(900, func_only=True)
def test_pushes_that_nobody_watches(account, laptop, tmp_path):
    repository = Repository(tmp_path, account)
    repository.write(1024)
    assert repository.job("workflow_dispatch", command="up").run().conclusion == "success"
    with reached(NAME) as endpoint, Load(endpoint) as load:
        ran, first = repository.push(1032)
        assert (ran.conclusion, first["result"]) == ("success", "changed"), ran.log

        ran, second = repository.push(1040, SLOW_S)
        assert (ran.conclusion, second["result"], second["exit-code"]) == ("failure", "rolled_back", "8"), ran.log
        assert second["release"] == first["release"], "what served before serves again"
        assert "ttft_p50" in ran.summary
        assert ran.annotations[0][1]["title"] == "zephyr-deploy failed (gate)"

        ran, third = repository.push(1048)
        assert (ran.conclusion, third["result"]) == ("success", "changed"), ran.log

        fourth = cancelled_within(repository, 1056)
        ran, again = repository.push(1056)
        assert ran.conclusion == "success", ran.log
        assert again["release"] not in {first["release"], third["release"]}
    assert load.failed == {}
    assert load.outcomes["whole"] > 0
    events = [entry.event for entry in reversed(releases(NAME))]
    assert events.count("refused") == 1
    assert events[-1] == "passed", events
    assert fourth.conclusion == "cancelled"
    assert cloud("aws").openings() == [], "no runner's address is left in the firewall"

    expire()
    ran = repository.runner.run(EXAMPLES / "gc.yml", "schedule")["aws"]
    assert ran.conclusion == "success", ran.log
    assert account.left() == []


def cancelled_within(repository, tokens):
    """Push, and cancel the run while it is at it; what came of that."""
    repository.write(tokens)
    job = repository.job()
    thread = threading.Thread(target=job.run)
    thread.start()
    deadline = time.monotonic() + 120
    while not any(step.name == "diff" for step in job.ran.steps):
        assert thread.is_alive(), job.ran.log
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(4)
    start = time.monotonic()
    job.cancel()
    assert time.monotonic() - start < 7.5, "it ends before GitHub insists"
    thread.join(60)
    return job.ran


def expire():
    """Move the machine's end, as its cloud has it, into the past: it did not end itself."""
    aws = cloud("aws")
    (instance,) = aws.instances(NAME)
    past = datetime.now(timezone.utc) - timedelta(minutes=1)
    aws.restamp(instance, instance.stamp.model_copy(update={"expires": past}))
