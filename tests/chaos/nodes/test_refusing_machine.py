"""Machines on which nothing can be done, or nothing is: `up`, `redeploy` and `down` say so, and leave all as it was."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest
from chaos.nodes.laptop import NAME, answers

from zephyr_deploy import logs, services, up
from zephyr_deploy.deploy.redeploy import redeploy
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.errors import ConfigError, CredentialsError, HostKeyError
from zephyr_deploy.events import Notice
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.hostkeys import alias_of
from zephyr_deploy.providers.nodes.connect import pin_file
from zephyr_deploy.providers.nodes.record import NodesRecord, record_of

HOURS_S = 3 * 3600.0
SSHD_KEY = "/etc/ssh/ssh_host_ed25519_key"
KINDS = {
    "no sudo": (
        "mv /etc/sudoers.d/90-cloud-init-users /root/",
        "mv /root/90-cloud-init-users /etc/sudoers.d/",
        CredentialsError,
        "ubuntu may not become root",
        "run sudo without a password",
    ),
    "read-only /opt": (
        "mount --bind /opt /opt && mount -o remount,bind,ro /opt",
        "umount /opt",
        ConfigError,
        "/opt: it is on a read-only file system",
        "",
    ),
    "another machine": (
        f"mv {SSHD_KEY} /root/ && ssh-keygen -q -t ed25519 -N '' -f {SSHD_KEY} && systemctl restart ssh",
        f"mv /root/ssh_host_ed25519_key {SSHD_KEY} && systemctl restart ssh",
        HostKeyError,
        "host key",
        "",
    ),
}
"""How a machine comes to be so and how it is mended, both in shell; the error, words of its message and of its hint."""


@contextmanager
def refusing(laptop, kind):
    """Have the node be so for a while, in which a verb is refused."""
    spoil, mend, error, message, hint = KINDS[kind]
    laptop.node.exec(spoil)
    try:
        with pytest.raises(error) as caught:
            yield
    finally:
        laptop.node.exec(mend)
        laptop.node.wait_ready()
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.hint


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_up_changes_nothing(laptop, kind):
    laptop.down()
    with refusing(laptop, kind):
        laptop.up()
    assert record_of(NAME) is None
    laptop.assert_nothing_left()


def test_down_of_a_machine_that_was_never_up(laptop):
    laptop.down()
    node = laptop.node
    address = NodeAddress(host=node.address, user=node.user, identity=node.key)
    NodesRecord(name=NAME, provider="ssh", nodes=(address,)).save()
    pin_file(NAME).write_text(f"{alias_of(NAME)} {node.host_key}\n")
    result = laptop.down()
    assert result.stopped == ()
    assert not any(node.address in line for line in result.removed)
    assert record_of(NAME) is None
    laptop.assert_nothing_left()


def test_an_unsupported_system_is_not_prepared(laptop):
    """One on which all is there would serve, whatever it is."""
    laptop.down()
    hook, node = "/usr/bin/nvidia-container-runtime-hook", laptop.node
    node.exec(
        f"mv {hook} /root/ && cp -L /etc/os-release /root/ && printf 'ID=arch\\nPRETTY_NAME=Arch\\n' >/etc/os-release"
    )
    try:
        with pytest.raises(ConfigError, match=r"Only .* are supported; this is Arch\."):
            up(laptop.wish(), rollout_options=RolloutOptions(trust=laptop.options().trust))
    finally:
        node.exec(f"mv /root/nvidia-container-runtime-hook {hook} && cat /root/os-release >/etc/os-release")
    assert record_of(NAME) is None
    laptop.assert_nothing_left()


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_redeploy_changes_nothing_and_up_goes_on_when_it_is_mended(laptop, kind):
    served = laptop.up()
    with refusing(laptop, kind):
        redeploy(laptop.wish(2048), RolloutOptions(prepare=False))
    assert answers(laptop)
    assert laptop.up().changed is False
    laptop.assert_serves(served.release)


def test_clocks_may_differ_by_hours(laptop, monkeypatch):
    true, heard = time.time, []
    monkeypatch.setattr(time, "time", lambda: true() + HOURS_S)
    served = laptop.up(laptop.wish(4096), listener=heard.append)
    warnings = [event.message for event in heard if isinstance(event, Notice) and event.level == "warning"]
    assert any("behind: certificates may fail" in message for message in warnings), warnings
    laptop.assert_serves(served.release)
    now = datetime.fromtimestamp(time.time(), timezone.utc)
    assert now - timedelta(minutes=5) < services(NAME)[0].started_at <= now
    assert any("Connected" in line for line in logs(NAME, since=now - timedelta(minutes=5)))
    assert not list(logs(NAME, since=now + timedelta(minutes=5)))
