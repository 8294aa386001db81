"""Real sshds with throw-away keys; none of the person's keys, agents or files is seen."""

from __future__ import annotations

import pytest
from loopback_sshd import Sshd, make_key

from zephyr_deploy.node import HostKeys, NodeConnection, Trust


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path, home):
    """A home without keys, and no agent."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / "home").mkdir()


@pytest.fixture
def config(tmp_path):
    """An ssh configuration of this test alone."""
    path = tmp_path / "ssh_config"
    path.write_text("")
    return path


@pytest.fixture(scope="session")
def user_key(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("user") / "user_key")


@pytest.fixture(scope="session")
def host_key(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("host") / "host_key")


@pytest.fixture(scope="session")
def sshd(tmp_path_factory, user_key, host_key):
    """A server that many tests share; none may stop it."""
    server = Sshd(tmp_path_factory.mktemp("sshd"), [user_key], [host_key])
    yield server
    server.stop()


@pytest.fixture
def start_sshd(tmp_path, user_key):
    """Starts servers of this test alone."""
    servers = []

    def start(*host_keys, authorized=None, extra="", port=0):
        folder = tmp_path / f"sshd-{len(servers)}"
        keys = host_keys or (make_key(tmp_path / f"host-{len(servers)}"),)
        servers.append(Sshd(folder, authorized or [user_key], list(keys), extra, port))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def keys(tmp_path):
    """How host keys are checked, with no file of the person's."""

    def make(**trust):
        heard = make.heard
        return HostKeys(
            tmp_path / "state" / "known_hosts", "zephyr-demo", Trust(**{"known": (), **trust}), heard.append
        )

    make.heard = []
    return make


@pytest.fixture
def route(sshd, user_key, config):
    return sshd.route(user_key, config)


@pytest.fixture
def node(sshd, route, keys):
    """A connection to the shared server."""
    with NodeConnection.open(route, keys(fingerprint=sshd.host_key.fingerprint)) as connection:
        yield connection
