"""What every cloud does: making, finding, deleting."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from lab.keys import make_key
from providers.clouds.cloud import Notes

from zephyr_deploy.errors import GoneError, InUseError
from zephyr_deploy.providers.clouds.contract import EndsItself, ShowsHostKeys
from zephyr_deploy.providers.clouds.types import KINDS


def test_it_says_whose_it_is_and_where(cloud):
    assert cloud.provider.configured()
    account = cloud.provider.account()
    assert account.provider == cloud.provider.name
    assert account.id
    assert cloud.provider.regions()
    assert cloud.provider.caller() == "203.0.113.7/32"


def test_offers_are_sorted_and_have_zones(cloud):
    offers = cloud.provider.offers()
    prices = [offer.price_per_hour_usd for offer in offers]
    assert prices == sorted(prices)
    assert all(price > 0 for price in prices)
    assert {offer.region for offer in offers} == {cloud.provider.regions()[0]}
    assert cloud.provider.zones(offers[0])


def test_what_was_made_is_found_with_its_stamp(cloud):
    order = cloud.ready()
    made = cloud.provider.create(order)
    assert made.stamp == order.stamp
    assert made.state in {"starting", "running"}
    running = cloud.when(made, "running")
    assert running.address == cloud.emulator.machines.address(made.id)
    (found,) = cloud.another().instances("shop")
    assert (found.id, found.stamp, found.region) == (made.id, order.stamp, order.offer.region)
    assert found.machine_type == order.offer.machine_type
    machine = cloud.emulator.machines.made[made.id]
    assert machine.keys == [order.public_key]


def test_lists_may_lag(cloud):
    cloud.emulator.lag_s = 0.5
    made = cloud.provider.create(cloud.ready())
    assert cloud.provider.get(made).state != "gone", "it is not listed yet"
    found = cloud.until(lambda: cloud.provider.instances("shop"))
    assert [one.id for one in found] == [made.id]


def test_one_order_makes_one_machine(cloud):
    if not cloud.provider.repeatable:
        pytest.skip("this cloud has no tokens")
    order = cloud.ready()
    first = cloud.provider.create(order)
    assert cloud.another().create(order).id == first.id
    assert [one.id for one in cloud.provider.instances()] == [first.id]


def test_one_order_makes_one_machine_whoever_gives_it(cloud):
    if not cloud.provider.repeatable:
        pytest.skip("this cloud has no tokens")
    order = cloud.order()

    def give(provider):
        return provider.create(provider.ready(order, Notes())).id

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(give, [cloud.another() for _ in range(4)]))
    assert {one.id for one in cloud.provider.instances()} == made
    assert len(made) == 1
    kinds = [line.split()[0] for line in cloud.emulator.left()]
    assert len(kinds) == len(set(kinds)), "one of each"


def test_two_runs_are_told_apart(cloud):
    made = {run: cloud.machine(run=run).id for run in ("00000001", "00000002")}
    assert {one.stamp.run: one.id for one in cloud.provider.instances("shop")} == made


def test_ready_may_be_repeated(cloud):
    first, left = cloud.ready(), cloud.emulator.left()
    assert left, "a key and a firewall were made, with a stamp"
    steps = list(cloud.notes.lines)
    assert ("intent", steps[0][1]) == steps[0]
    assert cloud.notes.open() == []
    assert cloud.another().ready(cloud.order(), cloud.notes).parts == first.parts
    assert cloud.emulator.left() == left
    assert cloud.notes.lines == steps, "nothing was made the second time"


def test_everything_goes_in_order(cloud):
    cloud.machine()
    resources = cloud.provider.resources("shop")
    order = [KINDS.index(resource.kind) for resource in resources]
    assert order == sorted(order)
    assert {"instance", "security-group", "key"} <= {resource.kind for resource in resources}
    assert {resource.stamp.deployment for resource in resources} == {"shop"}
    assert [resource.kind for resource in resources if resource.bills][:1] == ["instance"]
    cloud.vanish("shop")
    assert cloud.emulator.left() == []
    assert cloud.provider.resources() == cloud.provider.instances() == []


def test_gone_is_gone_and_may_be_deleted_again(cloud):
    instance = cloud.machine()
    resources = cloud.provider.resources("shop")
    cloud.vanish("shop")
    for resource in resources:
        cloud.provider.delete(resource)
    assert cloud.provider.get(instance).state == "gone"
    assert cloud.emulator.machines.made == {}


def test_a_firewall_in_use_stays(cloud):
    cloud.machine()
    group = next(one for one in cloud.provider.resources("shop") if one.kind == "security-group")
    with pytest.raises(InUseError):
        cloud.provider.delete(group)
    assert group in cloud.provider.resources("shop")


def test_deployments_do_not_see_each_other(cloud):
    shop, shop_two = cloud.machine("shop"), cloud.machine("shop-two")
    assert [one.id for one in cloud.provider.instances("shop")] == [shop.id]
    assert {one.id for one in cloud.provider.instances()} == {shop.id, shop_two.id}
    left = [str(one) for one in cloud.provider.resources("shop-two")]
    cloud.vanish("shop")
    assert [str(one) for one in cloud.provider.resources("shop-two")] == left
    assert [one.id for one in cloud.provider.instances()] == [shop_two.id]


def test_a_hundred_deployments_are_all_listed(cloud):
    order = cloud.ready()
    made = set()
    for number in range(100):
        stamp = order.stamp.model_copy(update={"deployment": f"shop-{number}"})
        made.add(cloud.provider.create(order.model_copy(update={"stamp": stamp, "token": f"t-{number}"})).id)
    assert len(made) == 100
    assert {one.id for one in cloud.provider.instances()} == made
    listed = [one for one in cloud.provider.resources() if one.kind == "instance"]
    assert {one.id for one in listed} == made


def test_a_stamp_can_be_changed(cloud, later):
    instance = cloud.machine()
    stamp = instance.stamp.model_copy(update={"expires": later, "host_key": "SHA256:" + "A" * 43})
    assert cloud.provider.restamp(instance, stamp).stamp == stamp
    assert [one.stamp for one in cloud.another().instances("shop")] == [stamp]
    expiries = {one.stamp.expires for one in cloud.provider.resources("shop") if one.bills}
    assert expiries == {later}


def test_another_machines_stamp_stays(cloud, later):
    first, second = cloud.machine(run="00000001"), cloud.machine(run="00000002")
    cloud.provider.restamp(first, first.stamp.model_copy(update={"expires": later}))
    billing = [one for one in cloud.provider.resources("shop") if one.bills]
    assert {(one.stamp.run, one.stamp.expires) for one in billing} == {
        (first.stamp.run, later),
        (second.stamp.run, second.stamp.expires),
    }


def test_another_user_is_let_in(cloud):
    instance, key = cloud.machine(), make_key().public
    for _ in range(2):
        cloud.another().let_in(instance, key, "198.51.100.9/32")


def test_ports_are_opened_to_others_and_closed_again(cloud):
    instance = cloud.machine()
    ssh = cloud.emulator.inbound()
    assert {port for port, _ in ssh} == {22}
    for ports in ({443: "198.51.100.0/24", 80: "0.0.0.0/0"}, {443: "2001:db8::/32"}, {}):
        for _ in range(2):
            cloud.another().expose(instance, ports)
            assert cloud.emulator.inbound() == ssh | set(ports.items())


def test_ports_that_are_open_already_are_asked_for_once(cloud):
    instance = cloud.machine()
    cloud.provider.expose(instance, {443: "198.51.100.0/24"})
    cloud.wire.forget()
    cloud.another().expose(instance, {443: "198.51.100.0/24"})
    assert not [action for action in cloud.wire.actions() if re.search("Ingress|^PUT", action)]


def test_who_is_let_in_shuts_nobody_else_out(cloud):
    """Not even one who comes from the network that the endpoint is open to: SSH is another port."""
    instance = cloud.machine()
    cloud.provider.expose(instance, {443: "198.51.100.9/32"})
    cloud.another().let_in(instance, make_key().public, "198.51.100.9/32")
    assert cloud.emulator.inbound() == {(22, "203.0.113.7/32"), (22, "198.51.100.9/32"), (443, "198.51.100.9/32")}


def test_nothing_is_opened_where_the_firewall_is_gone(cloud):
    instance = cloud.machine()
    cloud.vanish("shop")
    with pytest.raises(GoneError, match="security group"):
        cloud.provider.expose(instance, {443: "198.51.100.0/24"})


def test_host_keys_are_the_machines_own(cloud):
    if not isinstance(cloud.provider, ShowsHostKeys):
        pytest.skip("this cloud shows none")
    instance = cloud.machine()
    own = cloud.emulator.machines.made[instance.id].host_key
    assert [key.fingerprint for key in cloud.provider.host_keys(instance)] == [own.fingerprint]


def test_a_machine_that_powers_itself_off(cloud):
    instance = cloud.machine()
    cloud.emulator.machines.power_off(instance.id)
    ends = isinstance(cloud.provider, EndsItself) and cloud.provider.ends_itself
    assert ends != cloud.provider.bills_when_off
    cloud.when(instance, "gone" if ends else "stopped")
    assert bool(cloud.provider.instances("shop")) != ends


def test_it_says_what_is_wrong_with_an_account(cloud):
    began = time.monotonic()
    checks = cloud.provider.checks()
    assert checks
    assert [check for check in checks if check.verdict == "failed"] == []
    assert time.monotonic() - began < 10
