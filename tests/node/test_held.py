"""Keys that are in no file, tried on a real sshd; and guests' keys, which it refuses once their time is over."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from loopback_sshd import make_key, public

from zephyr_deploy.agent.admit import admit, dismiss
from zephyr_deploy.errors import ConfigError, CredentialsError
from zephyr_deploy.node import NodeConnection, resolve
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.held import GUEST, guest_for, held_key, public_text
from zephyr_deploy.node.inventory import host_vars
from zephyr_deploy.node.sshconfig import ssh_host

VARIABLE = "ZEPHYR_DEPLOY_KEY"
FROM = f"env:{VARIABLE}"


def way(sshd, config, reference):
    address = NodeAddress(host="127.0.0.1", port=sshd.port, user=pwd.getpwuid(os.getuid()).pw_name)
    return resolve(address.model_copy(update={"identity_from": reference}), config=config)


def logs_in(sshd, config, keys, reference=FROM):
    with NodeConnection.open(way(sshd, config, reference), keys(fingerprint=sshd.host_key.fingerprint)) as node:
        return node.run("echo in", deadline_s=10).stdout == "in\n"


@pytest.mark.parametrize(("kind", "bits"), [("ed25519", None), ("rsa", 2048), ("ecdsa", 256)])
def test_a_key_in_a_variable_logs_in_and_is_written_nowhere(
    start_sshd, tmp_path, *, config, keys, monkeypatch, kind, bits
):
    key = make_key(tmp_path / "deploy", kind, bits=bits)
    server = start_sshd(authorized=[key])
    # As secret stores hand it on: without its last line's end, or with another system's.
    monkeypatch.setenv(VARIABLE, key.read_text().strip().replace("\n", "\r\n"))
    key.unlink()
    assert logs_in(server, config, keys)
    secret = os.environ[VARIABLE].splitlines()[-2]
    written = [path for path in tmp_path.rglob("*") if path.is_file() and secret in path.read_text(errors="replace")]
    assert written == []


def test_an_older_form_of_key_logs_in(start_sshd, tmp_path, config, keys, monkeypatch):
    key = make_key(tmp_path / "deploy", "rsa", bits=2048)
    server = start_sshd(authorized=[key])
    subprocess.run(["ssh-keygen", "-q", "-p", "-m", "PEM", "-N", "", "-f", key], check=True)
    monkeypatch.setenv(VARIABLE, key.read_text())
    assert "BEGIN RSA" in key.read_text()
    assert logs_in(server, config, keys)


def test_no_other_key_is_tried(sshd, config, keys, *, user_key, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, make_key(tmp_path / "other").read_text())
    config.write_text(f"IdentityFile {user_key}\n")
    with pytest.raises(CredentialsError, match=f"refused the key from {FROM}") as failed:
        logs_in(sshd, config, keys)
    assert failed.value.details["tried"] == [f"the key from {FROM}"]


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END", None])
def test_what_is_no_key_is_not_shown(monkeypatch, text):
    monkeypatch.delenv(VARIABLE, raising=False)
    if text is not None:
        monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(CredentialsError, match=VARIABLE) as failed:
        held_key(FROM)
    assert "AAAA" not in f"{failed.value} {failed.value.hint} {failed.value.__cause__}"


def test_an_encrypted_key_is_of_no_use(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, make_key(tmp_path / "locked", passphrase="secret").read_text())
    with pytest.raises(CredentialsError, match="is encrypted"):
        held_key(FROM)


def test_openssh_gets_it_by_the_agent_alone(sshd, config, tmp_path, monkeypatch):
    key = make_key(tmp_path / "deploy")
    monkeypatch.setenv(VARIABLE, key.read_text())
    with pytest.raises(ConfigError, match="in a file or an agent") as failed:
        ssh_host("demo", way(sshd, config, FROM), tmp_path / "known_hosts")
    assert f"printenv {VARIABLE} | ssh-add -" in failed.value.hint
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            time.sleep(0.01)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        subprocess.run(["ssh-add", "-q", "-"], input=key.read_bytes(), check=True)
        entry = ssh_host("demo", way(sshd, config, FROM), tmp_path / "known_hosts")
    finally:
        agent.kill()
        agent.wait()
    assert entry.identities == ()
    assert "ansible_ssh_private_key_file" not in host_vars(entry)


def test_a_guests_key_is_for_nothing_else(sshd, config, tmp_path):
    with pytest.raises(ConfigError, match="the key of this run") as failed:
        ssh_host("demo", way(sshd, config, GUEST), tmp_path / "known_hosts")
    assert "ZEPHYR_GUEST" in failed.value.hint


@pytest.mark.parametrize(("text", "minutes"), [("30m", 30), ("1h30m", 90), ("24h", 1440)])
def test_how_long_one_is_a_guest(monkeypatch, text, minutes):
    assert guest_for() is None
    monkeypatch.setenv("ZEPHYR_GUEST", text)
    assert guest_for().total_seconds() == minutes * 60


@pytest.mark.parametrize("text", ["", "yes", "30", "10s", "48h"])
def test_nobody_is_a_guest_for_good(monkeypatch, text):
    monkeypatch.setenv("ZEPHYR_GUEST", text)
    with pytest.raises(ConfigError, match="ZEPHYR_GUEST"):
        guest_for()


@pytest.fixture
def machine(start_sshd, tmp_path, monkeypatch):
    """An sshd whose ``authorized_keys`` the node's program writes."""
    server = start_sshd()
    (tmp_path / "user" / ".ssh").mkdir(parents=True)
    (tmp_path / "user" / ".ssh" / "authorized_keys").symlink_to(server.folder / "authorized_keys")
    me = SimpleNamespace(pw_dir=str(tmp_path / "user"), pw_uid=os.getuid(), pw_gid=os.getgid(), pw_name="me")
    with monkeypatch.context() as patch:
        patch.delenv("SUDO_USER", raising=False)
        patch.setattr("zephyr_deploy.agent.admit.pwd", SimpleNamespace(getpwnam=lambda _: me, getpwuid=lambda _: me))
        yield server


def test_sshd_itself_refuses_a_guest_whose_time_is_over(machine, config, keys, monkeypatch):
    key = public_text(GUEST)
    with pytest.raises(CredentialsError):
        logs_in(machine, config, keys, GUEST)
    admit({"key": key, "for_s": 600}, None)
    assert logs_in(machine, config, keys, GUEST)
    lines = Path(machine.folder / "authorized_keys").read_text()
    assert "expiry-time=" in lines
    assert public(machine.user_key).split()[1] in lines
    admit({"key": key, "for_s": -5}, None)
    assert key in Path(machine.folder / "authorized_keys").read_text(), "nobody has been there since to take it out"
    with pytest.raises(CredentialsError):
        logs_in(machine, config, keys, GUEST)


def test_a_guest_that_has_left_is_refused(machine, config, keys):
    admit({"key": public_text(GUEST), "for_s": 600}, None)
    dismiss({"key": public_text(GUEST)}, None)
    with pytest.raises(CredentialsError):
        logs_in(machine, config, keys, GUEST)
