"""What is made before a node: the registered key and the group, each once."""

from __future__ import annotations

import pytest
from emulators.e2e.answers import BAD_GATEWAY
from providers.e2e.ordered import KEY, order

from zephyr_deploy.errors import AmbiguousError, ConfigError, InUseError
from zephyr_deploy.providers.e2e import firewall
from zephyr_deploy.providers.e2e.names import key_name

INTO = [{"rule_type": "Inbound", "protocol_name": "Custom_TCP", "port_range": "22", "network": "203.0.113.7/32"}]


def groups(e2e) -> list:
    return [group for group in e2e.store.groups.values() if not group.is_default]


def inbound(group) -> list[str]:
    return [rule["network"] for rule in group.rules if rule["rule_type"] == "Inbound"]


def test_key_and_group_are_made_and_written_down(cloud, e2e, ledger):
    ready = cloud.ready(order(cloud), ledger)

    (group,), (key,) = groups(e2e), e2e.store.keys.values()
    assert ready.parts == {"security-group": str(group.id)}
    assert (group.name, key.name, key.text) == ("zd-demo-0123abcd", key_name("demo", KEY), KEY)
    assert [{name: rule[name] for name in INTO[0]} for rule in group.rules if rule["rule_type"] == "Inbound"] == INTO
    assert [rule["port_range"] for rule in group.rules if rule["rule_type"] == "Outbound"] == ["All"]
    assert ledger.lines == [
        ("intent", "key", {"name": key.name}),
        ("done", "key", {"name": key.name, "id": str(key.id)}),
        ("intent", "security-group", {"name": group.name}),
        ("done", "security-group", {"name": group.name, "id": str(group.id)}),
    ]


def test_a_refusal_is_written_down_after_its_intent(cloud, e2e, ledger):
    ordered = order(cloud)
    e2e.wire.fault("POST", status=412, body=b'{"message":"No"}', times=None)

    with pytest.raises(ConfigError):
        cloud.ready(ordered, ledger)
    assert [line[:2] for line in ledger.lines] == [("intent", "key"), ("failed", "key")]


def test_again_in_another_run_everything_is_used(cloud, e2e, ledger):
    first = cloud.ready(order(cloud), ledger)
    e2e.wire.forget()

    again = cloud.ready(order(cloud, run="ffff0000"), ledger)

    assert again.parts == first.parts
    assert not [action for action in e2e.wire.actions() if not action.startswith("GET")]


def test_a_refused_group_is_written_down(cloud, e2e, ledger):
    e2e.wire.fault("POST /security_group/", status=412, body=b'{"message":"No"}')

    with pytest.raises(ConfigError):
        cloud.ready(order(cloud), ledger)
    assert [line[:2] for line in ledger.lines][-2:] == [("intent", "security-group"), ("failed", "security-group")]


def test_another_network_is_let_in_besides(cloud, e2e, ledger):
    cloud.ready(order(cloud), ledger)
    cloud.ready(order(cloud, allowed="198.51.100.0/24"), ledger)

    (group,) = groups(e2e)
    assert inbound(group) == ["203.0.113.7/32", "198.51.100.0/24"]
    assert len(group.rules) == 3


@pytest.mark.parametrize("shown", [True, False])
def test_the_groups_id_is_in_the_answer_or_found_by_name(cloud, e2e, ledger, monkeypatch, shown):
    monkeypatch.setattr(e2e.store, "group_id_in_answer", shown)

    assert cloud.ready(order(cloud), ledger).parts == {"security-group": str(groups(e2e)[0].id)}
    assert e2e.wire.actions().count("GET /security_group/") == (1 if shown else 2)


def test_a_list_that_lags_is_waited_for(cloud, e2e, ledger):
    e2e.lag_s = 0.3

    assert cloud.ready(order(cloud), ledger).parts == {"security-group": str(groups(e2e)[0].id)}


@pytest.mark.parametrize("fault", [BAD_GATEWAY, {"lost": True}])
def test_a_group_whose_answer_was_lost_is_looked_for(cloud, e2e, ledger, fault):
    e2e.wire.fault("POST /security_group/$", when="after", **fault)

    assert cloud.ready(order(cloud), ledger).parts == {"security-group": str(groups(e2e)[0].id)}


def test_a_group_that_was_not_made_is_not_made_again_by_itself(cloud, e2e, ledger, monkeypatch):
    monkeypatch.setattr(type(cloud), "settle_s", 0.1)
    e2e.wire.fault("POST /security_group/$", lost=True)

    with pytest.raises(AmbiguousError, match="zd-demo-0123abcd"):
        cloud.ready(order(cloud), ledger)
    assert groups(e2e) == []
    assert ledger.lines[-1][:2] == ("intent", "security-group")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_about_the_key_stops_nothing(cloud, e2e, ledger, when):
    e2e.wire.fault("POST /ssh_keys/", when=when, lost=True)

    ready = cloud.ready(order(cloud), ledger)

    assert ready.parts
    assert len(e2e.store.keys) == (when == "after")
    assert [line[:2] for line in ledger.lines][:2] == [("intent", "key"), ("intent", "security-group")]


def test_a_key_of_the_users_own_is_used_and_never_deleted(cloud, e2e, client, ledger):
    client.post("/ssh_keys/", {"label": "laptop", "ssh_key": f"{KEY} me@laptop"}, location="Delhi")

    cloud.ready(order(cloud), ledger)

    assert [key.name for key in e2e.store.keys.values()] == ["laptop"]
    assert [one.kind for one in cloud.resources("demo")] == ["security-group"]


def test_a_key_that_only_looks_like_ours_is_not_deleted(cloud, client):
    client.post("/ssh_keys/", {"label": key_name("demo", KEY), "ssh_key": "ssh-ed25519 AAAAother"}, location="Delhi")

    assert cloud.resources() == []


def test_a_key_that_a_list_does_not_have_yet_is_there_all_the_same(cloud, e2e, client, ledger):
    e2e.lag_s = 0.3
    client.post("/ssh_keys/", {"label": "laptop", "ssh_key": KEY}, location="Delhi")

    cloud.ready(order(cloud), ledger)

    assert [key.name for key in e2e.store.keys.values()] == ["laptop"]


def test_two_deployments_have_a_group_each(cloud, e2e, ledger):
    cloud.ready(order(cloud), ledger)
    cloud.ready(order(cloud, "demo-2"), ledger)

    assert sorted(group.name for group in groups(e2e)) == ["zd-demo-0123abcd", "zd-demo-2-0123abcd"]
    assert [one.name for one in cloud.resources("demo-2")] == ["zd-demo-2-0123abcd"]


def test_a_group_goes_only_after_its_node(cloud, e2e, launched):
    group = next(one for one in cloud.resources("demo") if one.kind == firewall.STEP)

    with pytest.raises(InUseError):
        cloud.delete(group)
    e2e.store.nodes.clear()
    cloud.delete(group)
    cloud.delete(group)
    assert [one.kind for one in cloud.resources("demo")] == ["key"]


def test_what_somebody_else_opened_stays(cloud, e2e, launched):
    (group,) = groups(e2e)
    group.rules.append({**INTO[0], "port_range": "8000-9000", "description": "mine"})
    before = list(group.rules)
    cloud.expose(launched, {443: "0.0.0.0/0"})
    (opened,) = [rule for rule in group.rules if rule not in before]
    assert (opened["port_range"], opened["network"], opened["protocol_name"]) == ("443", "any", "Custom_TCP")
    cloud.expose(launched, {})
    assert group.rules == before
