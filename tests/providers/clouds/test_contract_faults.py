"""What every cloud does when its API does not do as it should."""

import os

import pytest

from zephyr_deploy.errors import (
    AmbiguousError,
    AuthError,
    NoCapacityError,
    QuotaError,
    ThrottledError,
    UnreachableError,
    ZephyrError,
)


def whole(error):
    """Everything that anybody could see of an error, and of those behind it."""
    told = []
    while error is not None:
        told += [str(error), repr(error), str(getattr(error, "hint", "")), str(getattr(error, "details", ""))]
        error = error.__cause__ or error.__context__
    return "\n".join(told)


@pytest.mark.parametrize("call", ["account", "instances", "resources", "ready"])
def test_wrong_credentials_are_named_and_not_shown(cloud, monkeypatch, call):
    order = cloud.order()
    for name, text in cloud.kind.unknown.items():
        monkeypatch.setenv(name, text)
    unknown = cloud.another()
    asked = {"ready": lambda: unknown.ready(order, cloud.notes)}.get(call, getattr(unknown, call))
    with pytest.raises(AuthError) as failed:
        asked()
    assert failed.value.hint
    for name in cloud.kind.secrets:
        assert os.environ[name] not in whole(failed.value)
    assert cloud.notes.lines == []


def test_without_credentials_it_is_not_configured(cloud, monkeypatch):
    for name in cloud.emulator.environment():
        if name.startswith(("AWS_", "E2E_")) and not name.endswith(("URL", "FILE", "DISABLED")):
            monkeypatch.delenv(name)
    provider = cloud.another()
    assert not provider.configured()
    with pytest.raises(AuthError):
        provider.account()
    assert provider.wants


@pytest.mark.parametrize(
    "fault",
    [
        {"lost": True},
        {"status": 502, "body": b"<html>Bad Gateway</html>"},
        {"status": 500},
        {"status": 200, "body": b"<html>Log in to this network</html>"},
    ],
    ids=["lost", "bad gateway", "500", "another page"],
)
def test_an_answer_that_is_none_leaves_it_open_and_the_machine_is_found(cloud, fault):
    order = cloud.ready()
    cloud.wire.fault(cloud.kind.creates, when="after", **fault)
    with pytest.raises(AmbiguousError):
        cloud.provider.create(order)
    assert cloud.count(cloud.kind.creates) == 1, "never sent twice by itself"
    (found,) = cloud.provider.instances("shop")
    assert found.stamp.run == order.stamp.run
    if cloud.provider.repeatable:
        assert cloud.provider.create(order).id == found.id


def test_nothing_was_made_before_the_answer_was_lost(cloud):
    order = cloud.ready()
    cloud.wire.fault(cloud.kind.creates, lost=True)
    with pytest.raises(AmbiguousError):
        cloud.provider.create(order)
    assert cloud.provider.instances() == []
    assert cloud.provider.create(order).stamp == order.stamp


def test_throttled_means_nothing_was_made(cloud):
    order = cloud.ready()
    cloud.wire.fault(cloud.kind.creates, **cloud.kind.throttled)
    with pytest.raises(ThrottledError):
        cloud.provider.create(order)
    assert cloud.count(cloud.kind.creates) == 1
    assert cloud.provider.instances() == []


@pytest.mark.parametrize(("refusal", "error"), [("no_capacity", NoCapacityError), ("no_quota", QuotaError)])
def test_no_machine_is_to_be_had(cloud, refusal, error):
    order = cloud.ready()
    cloud.wire.fault(cloud.kind.creates, **getattr(cloud.kind, refusal))
    with pytest.raises(error) as failed:
        cloud.provider.create(order)
    assert failed.value.hint
    assert cloud.count(cloud.kind.creates) == 1, "another zone is tried at once"
    assert cloud.provider.instances() == []


def test_what_only_reads_is_asked_again(cloud):
    made = cloud.machine()
    for fault in ({"lost": True}, {"status": 503}):
        cloud.wire.fault(cloud.kind.lists, **fault)
        assert [one.id for one in cloud.provider.instances("shop")] == [made.id]


def test_what_only_reads_gives_up_in_the_end(cloud):
    cloud.wire.fault(cloud.kind.lists, times=None, **cloud.kind.throttled)
    with pytest.raises(ThrottledError):
        cloud.provider.instances()
    cloud.wire.forget()
    cloud.wire.fault(cloud.kind.lists, times=None, lost=True)
    with pytest.raises(UnreachableError):
        cloud.provider.instances()


@pytest.mark.parametrize("skip", range(3))
@pytest.mark.parametrize("when", ["before", "after"])
def test_ready_goes_on_where_it_was_cut_off(cloud, skip, when):
    cloud.wire.fault(cloud.kind.prepares, when=when, lost=True, skip=skip)
    order = cloud.order()
    try:
        first = cloud.provider.ready(order, cloud.notes)
    except ZephyrError:
        first = None
        assert len(cloud.notes.open()) <= 1
    again = cloud.another().ready(order, cloud.notes)
    assert first is None or first.parts == again.parts
    kinds = [line.split()[0] for line in cloud.emulator.left()]
    assert len(kinds) == len(set(kinds)), "one of each"
    assert cloud.provider.create(again).stamp == order.stamp


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_deletion_without_an_answer_is_repeated(cloud, when):
    cloud.machine()
    for resource in cloud.provider.resources("shop"):
        cloud.wire.fault(when=when, lost=True)
        with pytest.raises(ZephyrError):
            cloud.provider.delete(resource)
        cloud.wire.forget()
    cloud.vanish("shop")
    assert cloud.emulator.left() == []
