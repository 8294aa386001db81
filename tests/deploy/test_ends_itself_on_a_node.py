"""A real machine that ends itself, with nobody connected: by what it was told at its first boot, and nothing else."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest
from emulators.memory import MemoryCloud, offer, only_cloud
from lab.boot import NodeSpec
from lab.cards import A100

from zephyr_deploy import smoke, status, up
from zephyr_deploy.deploy.extend import extend
from zephyr_deploy.deploy.origin import who
from zephyr_deploy.deploy.reach import reached
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.node.program import call
from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.types import Order
from zephyr_deploy.providers.clouds.userdata import user_data
from zephyr_deploy.providers.nodes.connect import connect
from zephyr_deploy.providers.nodes.record import NodesRecord
from zephyr_deploy.spec.deployment import Deployment, Machine

SECOND = timedelta(seconds=1)
TIMER = "zephyr-deploy-expire.timer"


def ending(ttl_s, idle_s=None, **spec):
    """A machine with these limits, which looks every second; bare unless it is to serve."""
    limits = [None if limit is None else limit * SECOND for limit in (ttl_s, idle_s)]
    config = user_data(*limits, every=SECOND, grace=120 * SECOND)
    return NodeSpec(cloud_config=config, **{"docker": False, **spec})


def asked(node, verb="expiry", **request):
    """What the machine says of its end, asked as `status` and `extend` do."""
    address = NodeAddress(host=node.address, user=node.user, identity=node.key)
    with connect("ends", address, Trust(fingerprint=node.host_key_fingerprint)) as line:
        return call(line, verb, {"name": "ends", "who": who("extend"), **request})["expiry"]


def test_it_ends_at_its_time_limit_by_itself_and_can_be_had_again(desk):
    began = time.monotonic()
    node = desk.nodes.start(ending(12))
    node.wait_off(60)
    assert time.monotonic() - began > 12
    node.start()
    assert 600 < asked(node)["left_s"] <= 900, "who switches it on again has time to extend it"


def test_a_reboot_does_not_begin_its_time_anew(desk):
    began = time.monotonic()
    node = desk.nodes(ending(300))
    ready = time.monotonic()
    node.reboot()
    left_s = asked(node)["left_s"]
    assert time.monotonic() - ready < 300 - left_s < time.monotonic() - began


def test_its_end_can_be_moved_both_ways_and_taken_away(desk):
    node = desk.nodes(ending(120))
    assert asked(node)["left_s"] <= 120
    assert asked(node, "extend", left_s=7200.0)["left_s"] == pytest.approx(7200, abs=2)
    assert asked(node, "extend", left_s=None)["left_s"] is None
    node.reboot()
    found = asked(node)
    assert found["left_s"] is None, "the first boot's user data is not read again"
    assert found["looked_s"] < 5, "and it looks all the same"
    asked(node, "extend", left_s=2.0)
    node.wait_off()


def test_extend_tells_the_machine_and_its_cloud(desk, monkeypatch):
    node, cloud = desk.nodes(ending(600)), MemoryCloud()
    end = datetime.now(timezone.utc) + 600 * SECOND
    stamp = Stamp(deployment="moved", run="0" * 8, expires=end, host_key=node.host_key_fingerprint)
    order = Order(stamp=stamp, offer=offer(), token="t", public_key="", allowed="0.0.0.0/0", disk_gb=100)
    cloud.paper.made[cloud.create(order).id].address = node.address
    address = NodeAddress(host=node.address, user=node.user, identity=node.key)
    NodesRecord(name="moved", provider="aws", nodes=(address,), host_key=stamp.host_key).save()
    only_cloud(cloud, monkeypatch)
    found = extend("moved", timedelta(hours=2))
    assert (found.ends_itself, found.ends_at) == (True, cloud.instances("moved")[0].stamp.expires)
    assert found.ends_at - end == pytest.approx(timedelta(hours=2), abs=timedelta(minutes=1))
    seen = status("moved")
    assert seen.ends_at - found.ends_at == pytest.approx(timedelta(), abs=5 * SECOND)
    assert seen.machines[0].ending.looks
    assert seen.machines[0].ending.idle_at is None
    unused = extend("moved", idle=timedelta(hours=3)).idle_at - datetime.now(timezone.utc)
    assert unused == pytest.approx(timedelta(hours=3, minutes=2), abs=timedelta(minutes=1)), "and the grace of a start"
    assert cloud.instances("moved")[0].stamp.expires == found.ends_at


def test_without_limits_it_stays_and_all_is_in_order(desk):
    node = desk.nodes(ending(None))
    time.sleep(2)
    assert node.exec(f"systemctl is-active {TIMER}").stdout == "active\n"
    assert node.exec("systemctl is-failed zephyr-deploy-expire.service", check=False).stdout != "failed\n"
    assert "cannot" not in node.exec("journalctl --unit=zephyr-deploy-expire.service").stdout
    assert node.exec("systemctl --failed --no-legend").stdout == ""
    said = node.exec("cloud-init schema --config-file /dev/stdin", stdin=user_data(None, None), check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    assert asked(node) == {
        "left_s": None,
        "idle_left_s": None,
        "unused_s": pytest.approx(60, abs=60),
        "looked_s": pytest.approx(1, abs=2),
    }


def test_requests_keep_it_and_without_them_it_ends(desk):
    idle_s = 15
    node = desk.nodes(ending(600, idle_s, docker=True, preload=True, card=A100))
    machine = Machine(host=node.address, user=node.user, identity=str(node.key))
    trust = RolloutOptions(trust=Trust(fingerprint=node.host_key_fingerprint), prepare=False)
    up(Deployment(name="used", provider="ssh", machine=machine), rollout_options=trust)
    began = time.monotonic()
    with reached("used") as endpoint:
        while time.monotonic() - began < 1.5 * idle_s:
            assert smoke(endpoint).passed
            time.sleep(3)
    assert node.running
    last = time.monotonic()
    while node.running and time.monotonic() - last < idle_s + 30:
        status("used")  # whoever watches it does not keep it
        time.sleep(1)
    node.wait_off(1)
    assert time.monotonic() - last > idle_s - 5
