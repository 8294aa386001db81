import getpass
import shutil
from pathlib import Path

import pytest

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.node import NodeAddress, resolve

FILE = """
Host node
  HostName 203.0.113.7
  User ubuntu
  Port 2222
  IdentityFile ~/keys/%r-key
  IdentityAgent /run/agent
  HostKeyAlias one-of-them
Host agentless
  IdentityAgent none
Host careful
  IdentitiesOnly yes
  IdentityFile /careful
Host inner
  ProxyJump first,ops@second:2200
Host second
  HostName second.example.org
  ProxyJump never-used
Host program
  ProxyCommand connect %h %p %r
Host circle
  ProxyJump elcric
Host elcric
  ProxyJump circle
Host own-gate
  ProxyJump own-gate
Host *
  ForwardAgent no
"""


@pytest.fixture(params=["ssh", "paramiko"])
def find(request, config, monkeypatch):
    """Resolve with that file, as ssh reads it, and as it is read where there is no ssh."""
    if request.param == "ssh" and not shutil.which("ssh"):
        pytest.skip("there is no ssh on this machine")
    if request.param == "paramiko":
        monkeypatch.setenv("PATH", "/nowhere")
    config.write_text(FILE)
    return lambda text, **options: resolve(NodeAddress.parse(text, **options), config=config)


def test_takes_from_the_file_what_the_address_leaves_open(find):
    route = find("node")
    assert (route.host, route.user, route.port) == ("203.0.113.7", "ubuntu", 2222)
    assert route.identities == (Path("~/keys/ubuntu-key").expanduser(),)
    assert route.agent == Path("/run/agent")
    assert route.known_name == "one-of-them"
    assert (route.asked, str(route)) == ("node", "ubuntu@203.0.113.7:2222")


def test_what_the_address_says_wins(find, tmp_path):
    route = find("root@node:22", identity=tmp_path / "key")
    assert (route.host, route.user, route.port) == ("203.0.113.7", "root", 22)
    assert (route.identities, route.only_identities) == ((tmp_path / "key",), True)


def test_knows_ssh_s_defaults(find, monkeypatch):
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent.sock")
    route = find("203.0.113.9")
    assert (route.host, route.user, route.port) == ("203.0.113.9", getpass.getuser(), 22)
    assert (route.identities, route.only_identities, route.agent) == ((), False, Path("/agent.sock"))
    assert (route.jump, route.proxy_command, route.known_name) == (None, None, "203.0.113.9")
    assert find("agentless").agent is None
    assert find("careful").only_identities
    assert find("[2001:db8::1]:2222").known_name == "[2001:db8::1]:2222"


def test_follows_a_chain_of_jumps(find):
    route = find("inner")
    second = route.jump
    assert (second.host, second.user, second.port) == ("second.example.org", "ops", 2200)
    assert (second.jump.host, second.jump.jump) == ("first", None)
    assert route.proxy_jump == "first,ops@second:2200"


def test_fills_in_a_proxy_command(find):
    assert find("me@program:99").proxy_command == "connect program 99 me"


@pytest.mark.parametrize("host", ["circle", "own-gate"])
def test_a_circle_is_seen(host, find):
    with pytest.raises(ConfigError, match=r"in a circle|loop via"):
        find(host)


def test_includes_are_followed(config, tmp_path):
    (tmp_path / "more").write_text("Host node\n  User included\n")
    config.write_text(f"Include {tmp_path}/more\n")
    assert resolve(NodeAddress(host="node"), config=config).user == "included"


def test_a_file_that_ssh_cannot_read_is_an_error(config):
    config.write_text("Hosst node\n")
    with pytest.raises(ConfigError, match="ssh cannot read its configuration") as caught:
        resolve(NodeAddress(host="node"), config=config)
    assert "ssh -G" in caught.value.hint


def test_a_file_that_cannot_be_read_without_ssh_is_an_error(config, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    config.write_text("Host\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        resolve(NodeAddress(host="node"), config=config)
    config.unlink()
    assert resolve(NodeAddress(host="node"), config=config).host == "node"
