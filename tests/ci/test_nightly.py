"""gc.yml, run against both clouds' emulators: what is over is gone afterwards, and nothing else is."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ci.conftest import EXAMPLES, ROLE
from providers.clouds.cloud import Cloud
from providers.clouds.kinds import KINDS

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(params=["aws", "e2e"])
def cloud(request, monkeypatch):
    """One cloud in which a machine is past its time, and another one is not."""
    kind = KINDS[request.param]
    emulator = kind.emulator()
    emulator.start()
    for name, text in emulator.environment().items():
        monkeypatch.setenv(name, text)
    kind.quicker(monkeypatch)
    found = Cloud(kind, emulator)
    for name, hours in (("over", -1), ("young", 1)):
        order = found.order(name)
        expires = datetime.now(timezone.utc) + timedelta(hours=hours)
        stamp = order.stamp.model_copy(update={"expires": expires})
        found.provider.create(found.provider.ready(order.model_copy(update={"stamp": stamp}), found.notes))
    yield found
    emulator.stop()


def test_what_is_over_is_gone_and_nothing_else(cloud, github):
    environment, name = cloud.emulator.environment(), cloud.provider.name
    if name == "aws":
        credentials = {key: environment.pop(key) for key in KEYS}
        more = {"variables": {"AWS_ROLE": ROLE, "AWS_REGION": environment["AWS_REGION"]}, "credentials": credentials}
    else:
        secrets = {key: environment.pop(key) for key in ("E2E_API_KEY", "E2E_AUTH_TOKEN")}
        more = {"variables": {"E2E_PROJECT_ID": environment.pop("E2E_PROJECT_ID")}, "secrets": secrets}
    runner = github(environment=environment, **more)
    ran = runner.run(EXAMPLES / "gc.yml", "schedule")
    assert {job: one.conclusion for job, one in ran.items()} == {
        name: "success",
        "e2e" if name == "aws" else "aws": "skipped",
    }, ran[name].log
    assert {one.stamp.deployment for one in cloud.provider.resources()} == {"young"}, ran[name].log
    assert not [text for text in more.get("secrets", {}).values() if text in ran[name].log]


@pytest.mark.parametrize("cloud", ["aws"], indirect=True)
def test_what_ends_soon_is_told_where_somebody_is_to_be_told(cloud, github):
    """The one whose time is an hour away; the webhook is on a port where nobody listens, which is not kept quiet."""
    environment = cloud.emulator.environment()
    url = "https://127.0.0.1:9/services/secret-path"
    variables = {"AWS_ROLE": ROLE, "AWS_REGION": environment["AWS_REGION"]}
    ran = github(environment=environment, variables=variables, secrets={"SLACK_WEBHOOK_URL": url}).run(
        EXAMPLES / "gc.yml", "schedule"
    )["aws"]
    assert ran.conclusion == "failure", ran.log
    assert "young" in ran.log
    assert "secret-path" not in ran.log
