"""Nodes from their order to their end."""

from __future__ import annotations

import pytest
from emulators.e2e.answers import BAD_GATEWAY, ERRORS_TRUE, NO_CREDIT, NONE_MADE, QUOTA
from emulators.e2e.emulator import LOCATIONS
from providers.e2e.ordered import KEY, order

from zephyr_deploy.errors import (
    AmbiguousError,
    ConfigError,
    CreditError,
    GoneError,
    InUseError,
    NoCapacityError,
    QuotaError,
)

OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIother"


def node(e2e):
    (found,) = e2e.store.nodes.values()
    return found


def running(cloud, instance):
    for _ in range(5):
        instance = cloud.get(instance)
        if instance.state == "running":
            return instance
    raise AssertionError(instance)


def test_a_node_is_made_of_the_order(cloud, e2e, launched):
    made = node(e2e)
    assert (made.name, launched.id, launched.state) == ("zd-demo-0123abcd", str(made.id), "starting")
    assert [key["ssh_key"] for key in made.keys] == [KEY]
    assert [e2e.store.groups[group].name for group in made.groups] == ["zd-demo-0123abcd"], "not the default group"
    assert (launched.address, launched.user, launched.region) == (None, "root", "Delhi")
    assert launched.machine_type == "GDC3.A10080-16.115GB"
    assert launched.created_at is not None


def test_it_comes_up_with_an_address_and_keeps_its_stamp(cloud, e2e, launched):
    found = running(cloud, launched)

    assert found.address == e2e.machines.address(launched.id)
    assert found.stamp == launched.stamp
    assert cloud.instances("demo") == [found]
    assert cloud.instances("other") == []


@pytest.mark.parametrize("said", ["[]", "null", "", None, "--"])
def test_an_address_that_is_none_is_none(cloud, e2e, launched, monkeypatch, said):
    running(cloud, launched)
    monkeypatch.setattr(e2e.machines, "address", lambda machine: said)

    assert cloud.get(launched).address is None


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (QUOTA, QuotaError),
        (NO_CREDIT, CreditError),
        (NONE_MADE, NoCapacityError),
        (ERRORS_TRUE, ConfigError),
        ({"status": 412, "body": b'{"message":"The selected plan is currently not available"}'}, NoCapacityError),
        (BAD_GATEWAY, AmbiguousError),
        ({"lost": True}, AmbiguousError),
        (
            {"status": 200, "body": b'{"code":200,"data":{"total_number_of_node_created":1},"errors":{}}'},
            AmbiguousError,
        ),
    ],
)
def test_a_refusal_says_what_is_in_the_way(cloud, e2e, ledger, fault, error):
    ready = cloud.ready(order(cloud), ledger)
    e2e.wire.fault("POST /nodes/$", **fault, times=None)

    with pytest.raises(error) as raised:
        cloud.create(ready)
    assert type(raised.value) is error
    assert e2e.wire.actions().count("POST /nodes/") == 1


def test_a_quota_in_an_answer_that_made_none_is_a_quota(cloud, e2e, ledger):
    ready = cloud.ready(order(cloud), ledger)
    body = NONE_MADE["body"].replace(b'"OK"', b'"GPU quota reached"')
    e2e.wire.fault("POST /nodes/$", status=200, body=body)

    with pytest.raises(QuotaError):
        cloud.create(ready)


def test_a_sold_out_plan_is_no_capacity(cloud, ledger):
    h200 = next(one for one in cloud.offers() if one.gpu == "h200")

    with pytest.raises(NoCapacityError):
        cloud.create(cloud.ready(order(cloud, offer=h200), ledger))


def test_a_group_that_is_gone_is_a_part_that_is_not_there(cloud, e2e, ledger):
    ready = cloud.ready(order(cloud), ledger)
    del e2e.store.groups[int(ready.parts["security-group"])]

    with pytest.raises(GoneError):
        cloud.create(ready)


def test_the_older_shape_of_the_answer_is_read_too(cloud, e2e, ledger):
    ready = cloud.ready(order(cloud), ledger)
    e2e.wire.fault("POST /nodes/$", status=200, body=b'{"code":200,"data":{"id":205.0},"errors":{},"message":"OK"}')

    assert cloud.create(ready).id == "205"


def test_a_lost_answer_is_found_by_its_run(cloud, e2e, ledger):
    ready = cloud.ready(order(cloud), ledger)
    e2e.wire.fault("POST /nodes/$", when="after", lost=True)

    with pytest.raises(AmbiguousError):
        cloud.create(ready)
    assert [one.stamp.run for one in cloud.instances("demo")] == ["0123abcd"]


def test_the_same_order_twice_makes_two(cloud, e2e, ledger):
    """Which is why it is given once, and `repeatable` says so."""
    ready = cloud.ready(order(cloud), ledger)
    cloud.create(ready)
    cloud.create(ready)

    assert len(cloud.instances("demo")) == 2
    assert not cloud.repeatable


def test_a_node_that_fails_or_is_off_is_so(cloud, e2e, ledger):
    e2e.fates.append("failed")
    failed = cloud.create(cloud.ready(order(cloud), ledger))
    cloud.get(failed)
    assert cloud.get(failed).state == "failed"

    off = cloud.create(cloud.ready(order(cloud), ledger))
    running(cloud, off)
    e2e.machines.power_off(off.id)
    assert cloud.get(off).state == "stopped"
    assert cloud.bills_when_off


def test_a_node_without_an_address_is_running_without_one(cloud, e2e, ledger):
    e2e.fates.append("no-address")
    instance = cloud.create(cloud.ready(order(cloud), ledger))

    assert running(cloud, instance).address is None


def test_all_pages_and_all_locations_are_looked_at(cloud, e2e, ledger):
    ready = cloud.ready(order(cloud), ledger)
    for _ in range(7):
        cloud.create(ready)
    e2e.store.nodes[cloud_id := max(e2e.store.nodes)].location = LOCATIONS[1]

    found = {one.id: one.region for one in cloud.instances()}

    assert len(found) == 7
    assert found[str(cloud_id)] == "Chennai"


def test_a_location_that_the_account_does_not_have_is_passed_over_and_its_own_is_not(cloud, e2e, launched, monkeypatch):
    monkeypatch.setattr("emulators.e2e.emulator.LOCATIONS", ("Delhi",))
    assert len(cloud.instances()) == 1

    monkeypatch.setattr("emulators.e2e.emulator.LOCATIONS", ("Chennai",))
    with pytest.raises(ConfigError, match="location"):
        cloud.instances()


def test_nodes_of_others_are_not_seen(cloud, e2e, launched):
    for name in ("web", "zd-demo", "zd-demo-2-notours!"):
        e2e.store.nodes[launched_id := int(launched.id)].name = name
        assert cloud.instances() == []
        assert not any(one.kind == "instance" for one in cloud.resources())
    assert launched_id in e2e.store.nodes


def test_it_is_deleted_once_it_has_been_made(cloud, e2e, launched):
    (resource,) = [one for one in cloud.resources("demo") if one.kind == "instance"]
    e2e.store.nodes[int(launched.id)].looks = 1
    with pytest.raises(InUseError, match="Creating"):
        cloud.delete(resource)

    cloud.delete(resource)
    assert cloud.get(launched).state == "gone"
    cloud.delete(resource)
    assert launched.id not in e2e.machines.made
    assert [one.kind for one in cloud.resources("demo")] == ["security-group", "key"]


def test_a_locked_node_is_not_in_use_but_refused(cloud, e2e, launched):
    resource = cloud.resources("demo")[0]
    node(e2e).looks, node(e2e).locked = 0, True

    with pytest.raises(ConfigError, match="locked"):
        cloud.delete(resource)


def test_gone_is_only_what_the_list_does_not_have_either(cloud, e2e, launched):
    e2e.wire.fault("GET /nodes/{id}/", status=412, body=b'{"message":"Node not found"}')

    with pytest.raises(GoneError):
        cloud.get(launched)


def test_a_wrong_project_does_not_make_nodes_look_gone(cloud, e2e, launched):
    e2e.wire.fault("GET /nodes/", status=400, body=b'{"status_code":400,"message":"Project not found"}', times=None)

    with pytest.raises(ConfigError):
        cloud.get(launched)


def test_a_node_with_another_name_is_not_gone(cloud, e2e, launched):
    """Somebody gave it one in the portal: it is still there, and is paid for."""
    node(e2e).name = "production"

    found = running(cloud, launched)
    assert (found.state, found.stamp) == ("running", launched.stamp)


def test_a_node_that_goes_while_it_is_listed_is_not_there(cloud, e2e, launched):
    e2e.wire.fault("GET /nodes/{id}/", status=404, body=b'{"message":"Node not found"}')

    assert cloud.instances() == []


def test_the_stamp_is_changed_on_the_node(cloud, e2e, launched):
    stamp = launched.stamp.model_copy(update={"host_key": "SHA256:" + "x" * 43, "expires": None})

    assert cloud.restamp(launched, stamp).stamp == stamp
    assert cloud.instances("demo")[0].stamp == stamp
    assert e2e.wire.actions()[-1].startswith("GET")


def test_a_label_that_somebody_changed_leaves_the_name(cloud, e2e, launched):
    node(e2e).label = "my favourite"

    (found,) = cloud.instances("demo")
    assert (found.stamp.run, found.stamp.expires, found.stamp.host_key) == ("0123abcd", None, "")


def test_another_key_from_another_network_is_let_in_once(cloud, e2e, launched):
    running(cloud, launched)
    for _ in range(2):
        cloud.let_in(launched, OTHER, "198.51.100.0/24")

    assert e2e.machines.made[launched.id].keys == [KEY, OTHER]
    group = e2e.store.groups[node(e2e).groups[0]]
    assert [rule["network"] for rule in group.rules if rule["rule_type"] == "Inbound"] == [
        "203.0.113.7/32",
        "198.51.100.0/24",
    ]
    assert [one.kind for one in cloud.resources("demo")].count("key") == 1, "it is registered nowhere"


def test_resources_come_in_the_order_in_which_they_go(cloud, launched):
    found = cloud.resources("demo")

    assert [(one.kind, one.bills) for one in found] == [("instance", True), ("security-group", False), ("key", False)]
    assert all(one.stamp.deployment == "demo" for one in found)
