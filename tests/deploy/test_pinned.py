"""Host keys that travel with a deployment: a clean checkout accepts them, and no others, of a real sshd."""

from __future__ import annotations

import getpass

import pytest
from loopback_sshd import Sshd, make_key
from release.conftest import lock_of, plan_of, wish

from zephyr_deploy.deploy.pinned import with_pins
from zephyr_deploy.errors import ConfigError, HostKeyError
from zephyr_deploy.node import NodeAddress, Trust
from zephyr_deploy.providers.nodes.connect import connect
from zephyr_deploy.release.lockfile import FileMachine, lock_text, lockfile_of
from zephyr_deploy.release.render import render
from zephyr_deploy.spec.deployment import Deployment, Machine

RIGHT, OTHER = f"SHA256:{'A' * 43}", f"SHA256:{'B' * 43}"


def deployed(**host_keys):
    return Deployment(machine=Machine(host_keys=host_keys))


def test_zephyr_toml_names_them(tmp_path):
    trust = with_pins(Trust(first_use=True), deployed(**{"gpu1": RIGHT, "[gpu2]:2222": OTHER}), tmp_path / "none.lock")
    assert trust.at("gpu1", 22) == trust.model_copy(update={"fingerprint": RIGHT, "first_use": False})
    assert trust.at("GPU1", 2222).fingerprint == RIGHT
    assert trust.at("gpu2", 2222).fingerprint == OTHER
    assert trust.at("gpu2", 22) == trust
    assert trust.at("gpu3", 22).first_use


@pytest.mark.parametrize("host", ["gpu1", "ubuntu@gpu1", "gpu1:22"])
def test_a_host_is_named_as_one_types_it(tmp_path, host):
    assert with_pins(Trust(), deployed(**{host: RIGHT}), tmp_path / "none.lock").at("gpu1", 22).fingerprint == RIGHT


def test_zephyr_lock_names_them_and_zephyr_toml_wins(tmp_path):
    plan = plan_of(wish("tgi"))
    lock, path = lock_of(plan), tmp_path / "zephyr.lock"
    machines = {name: FileMachine(host_key=RIGHT) for name in ("gpu1", "[gpu2]:2222", "gpu3")}
    path.write_text(lock_text(lockfile_of(plan, lock, render(plan, lock), {**machines, "cloud": FileMachine()})))
    trust = with_pins(Trust(), deployed(gpu3=OTHER), path)
    named = {("gpu1", 22): RIGHT, ("gpu2", 2222): RIGHT, ("gpu3", 22): OTHER, ("cloud", 22): None, ("gpu2", 22): None}
    assert {place: trust.at(*place).fingerprint for place in named} == named


def test_what_the_user_types_wins(tmp_path):
    trust = with_pins(Trust(fingerprint=OTHER), deployed(gpu1=RIGHT), tmp_path / "none.lock")
    assert trust.at("gpu1", 22).fingerprint == OTHER


@pytest.mark.parametrize("text", ["SHA256:short", "MD5:aa:bb", "", "ssh-ed25519 AAAA"])
def test_what_is_no_fingerprint_is_refused(text):
    with pytest.raises(ValueError, match="write the fingerprint"):
        Machine(host_keys={"gpu1": text})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sshd")
    found = Sshd(folder / "sshd", [make_key(folder / "user")], [make_key(folder / "host")])
    yield found
    found.stop()


@pytest.fixture
def address(server, home, monkeypatch, tmp_path):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "state"))
    return NodeAddress(host="127.0.0.1", port=server.port, user=getpass.getuser(), identity=server.user_key)


@pytest.mark.parametrize("by_port", [True, False])
def test_a_clean_checkout_logs_in_by_them(server, address, tmp_path, by_port):
    name = f"[127.0.0.1]:{server.port}" if by_port else "127.0.0.1"
    trust = with_pins(Trust(known=()), deployed(**{name: server.host_key.fingerprint}), tmp_path / "none.lock")
    with pytest.raises(HostKeyError, match="is not known"):
        connect("demo", address, Trust(known=()))
    with connect("demo", address, trust) as node:
        assert node.run("echo in", deadline_s=10).stdout == "in\n"


def test_another_key_is_refused_with_how_to_go_on(server, address, tmp_path):
    trust = with_pins(Trust(known=(), first_use=True), deployed(**{"127.0.0.1": OTHER}), tmp_path / "none.lock")
    with pytest.raises(HostKeyError, match=r"zephyr\.toml, zephyr\.lock or its cloud names"):
        connect("demo", address, trust)


def test_a_lock_with_a_conflict_is_no_lock(tmp_path):
    (tmp_path / "zephyr.lock").write_text("<<<<<<< HEAD\n{}\n")
    with pytest.raises(ConfigError):
        with_pins(Trust(), Deployment(), tmp_path / "zephyr.lock")
