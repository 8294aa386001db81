from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from deploy.clouds.calls import NAME, Calls
from emulators.memory import ShowingCloud, only_cloud

from zephyr_deploy.deploy.clouds.gc import collect, orphans
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.known import begun_in
from zephyr_deploy.deploy.lock import deployment_lock
from zephyr_deploy.errors import AuthError, CredentialsError
from zephyr_deploy.paths import deployment_dir
from zephyr_deploy.providers import registry
from zephyr_deploy.providers.local.folder import Folder, Record

PAST = datetime.now(timezone.utc) - timedelta(minutes=1)


@pytest.fixture
def cloud(quick, monkeypatch):
    made = ShowingCloud()
    only_cloud(made, monkeypatch)
    return made


@pytest.fixture
def elsewhere(cloud, monkeypatch, tmp_path):
    instance = Calls(cloud, []).up()
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "another"))
    return instance


def expire(cloud, instance):
    cloud.restamp(instance, instance.stamp.model_copy(update={"expires": PAST}))


def test_what_another_laptop_made_is_an_orphan_with_its_price_and_age(cloud, elsewhere):
    (orphan,) = orphans()
    assert (orphan.deployment, orphan.noted, orphan.price_per_hour_usd) == (NAME, False, 1.0)
    assert [thing.kind for thing in orphan.resources] == ["instance", "security-group", "key"]
    assert orphan.created_at == elsewhere.created_at
    assert 0 < orphan.cost_usd < 0.01


def test_what_is_noted_here_is_for_down(cloud):
    Calls(cloud, []).up()
    assert orphans() == []


def test_what_is_over_is_found_wherever_it_was_made_and_nothing_else(cloud):
    instance = Calls(cloud, []).up()
    assert orphans(expired=True) == []
    expire(cloud, instance)
    assert [orphan.deployment for orphan in orphans(expired=True)] == [NAME]


def test_the_machine_decides_and_not_an_older_key(cloud, elsewhere):
    old = elsewhere.stamp.model_copy(update={"expires": PAST})
    cloud.others["key", "old"] = cloud._resource("key", "old", old)
    assert orphans(expired=True) == []
    assert len(orphans()[0].resources) == 4


def test_what_never_ends_is_never_over(cloud, elsewhere):
    cloud.restamp(elsewhere, elsewhere.stamp.model_copy(update={"expires": None}))
    assert orphans(expired=True) == []


def test_collected_is_gone_there_and_forgotten_here(cloud):
    expire(cloud, Calls(cloud, []).up())
    result = collect(orphans(expired=True))
    assert [thing.kind for thing in result.removed] == ["instance", "security-group", "key"]
    assert cloud.resources() == []
    assert not deployment_dir(NAME).exists()
    assert result.left == ()


def test_one_whose_end_was_moved_since_it_was_listed_stays(cloud):
    instance = Calls(cloud, []).up()
    expire(cloud, instance)
    found = orphans(expired=True)
    cloud.restamp(instance, instance.stamp)
    assert collect(found).left == (f"{NAME}: its end was moved since it was listed",)
    assert len(cloud.resources()) == 3


def test_what_was_begun_in_another_cloud_is_not_forgotten(cloud, elsewhere, monkeypatch):
    Journal(NAME).done("account", provider="e2e", id="1")
    found = orphans()
    monkeypatch.setattr(registry, "CLOUDS", ("aws", "e2e"))
    collect(found)
    assert begun_in(NAME) == "e2e"


def test_one_of_that_name_on_this_machine_is_not_forgotten(cloud, elsewhere):
    here = Record(name=NAME, release="r", model_id="m", port=1, pid=1, started_at=PAST, api_key=True)
    key = Folder(NAME).api_key()
    Folder(NAME).write_record(here)
    collect(orphans())
    assert cloud.resources() == []
    assert (Folder(NAME).record(), Folder(NAME).known_api_key()) == (here, key)


def test_one_that_is_locked_does_not_keep_the_others(cloud, elsewhere):
    other = elsewhere.stamp.model_copy(update={"deployment": "other"})
    cloud.others["key", "key-other"] = cloud._resource("key", "key-other", other)
    with deployment_lock(NAME, "up"):
        result = collect(orphans())
    assert [thing.id for thing in result.removed] == ["key-other"]
    assert result.left[0].startswith(f"{NAME}: deployment {NAME} is locked")


def test_without_credentials_it_says_which_are_wanted(cloud, monkeypatch):
    monkeypatch.setattr(cloud, "configured", lambda: False)
    with pytest.raises(CredentialsError) as caught:
        orphans()
    assert "MEMORY_KEY" in caught.value.hint


def test_a_cloud_that_cannot_be_asked_is_told_of(cloud):
    cloud.fails["resources"] = [AuthError("expired"), AuthError("expired")]
    told = []
    assert orphans(on_trouble=told.append) == []
    assert told == ["aws cannot be asked: expired"]
    with pytest.raises(AuthError):
        orphans()
