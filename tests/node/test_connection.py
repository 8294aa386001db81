import getpass
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from loopback_sshd import Proxy, free_port, make_key

from zephyr_deploy.errors import CredentialsError, DeadlineError, HostKeyError, UnreachableError
from zephyr_deploy.node import NodeAddress, NodeConnection, Trust, resolve
from zephyr_deploy.node.lines import Signs

MOST = 8 << 20


def threads():
    return [one for one in threading.enumerate() if one.name.startswith("zephyr-node")]


def test_runs_a_command(node):
    result = node.run("cat; echo problem >&2; exit 3", b"one\ntwo", deadline_s=10)
    assert result == (3, "one\ntwo\n", "problem\n")


def test_hears_lines_as_they_come(node):
    heard = []
    node.run("echo a; echo b", deadline_s=10, on_line=heard.append)
    assert heard == ["a", "b"]
    with node.lines("echo first; sleep 30", deadline_s=20) as lines:
        start = time.monotonic()
        assert next(iter(lines)) == "first"
        assert time.monotonic() - start < 5


def test_moves_megabytes_both_ways_at_once(node):
    data = os.urandom(MOST // 2).hex().encode()
    result = node.run("tee /dev/stderr", data, deadline_s=60)
    assert result.stdout == data.decode() + "\n"
    assert result.stderr == data.decode()[-65536:]
    assert threads() == []


def test_signs_of_life_come_until_they_are_ended(node):
    signs = Signs(0.05)
    with node.lines(
        "while read line; do echo $line.; done; echo over", b"first\n", deadline_s=20, signs=signs
    ) as lines:
        heard = iter(lines)
        assert [next(heard) for _ in range(3)] == ["first.", ".", "."]
        signs.end()
        assert list(heard)[-1] == "over"
    assert threads() == []


def test_they_end_with_who_hears_them(node):
    with node.lines("while read line; do echo; done", deadline_s=20, signs=Signs(60.0)):
        pass
    assert threads() == []


def test_a_command_that_wants_no_input_is_not_waited_for(node):
    assert node.run("exit 5", b"x" * MOST, deadline_s=20).rc == 5


def test_tells_a_signal_from_a_lost_connection(node):
    assert node.run("kill -9 $$", deadline_s=10).rc == -1
    assert node.run("true", deadline_s=10).rc == 0


def test_does_not_wait_for_what_a_command_left_running(node):
    start = time.monotonic()
    assert node.run("sleep 60 & echo $!; exit 0", deadline_s=30).rc == 0
    assert time.monotonic() - start < 10


def test_a_silent_command_is_given_up(node):
    with pytest.raises(DeadlineError, match=r"the script on 127.0.0.1:\d+ said nothing for 0.5 s"):
        node.run("echo a; sleep 30", deadline_s=20, idle_s=0.5, what="the script")
    assert node.run("echo on", deadline_s=10).stdout == "on\n"


def test_a_heartbeat_keeps_it_alive(node):
    command = "for i in 1 2 3 4 5; do sleep 0.3; echo $i; done"
    assert node.run(command, deadline_s=20, idle_s=1.2).stdout.split() == list("12345")


def test_no_command_outlives_its_deadline(node):
    with pytest.raises(DeadlineError, match=r"did not end within 0\.5 s"):
        node.run("while :; do echo a; sleep 0.05; done", deadline_s=0.5)


def test_even_a_start_has_a_deadline(sshd, route, keys):
    with Proxy(sshd.port, delay_s=0.3) as proxy:
        way = route.model_copy(update={"port": proxy.port})
        with NodeConnection.open(way, keys(first_use=True)) as node:
            for deadline_s in (0.3, 0.9):  # while the channel is opened, while the command is started
                with pytest.raises(DeadlineError, match=f"could not be started on .* within {deadline_s} s"):
                    node.run("true", deadline_s=deadline_s)
            assert node.run("echo on", deadline_s=10).stdout == "on\n"


def interrupt(_line):
    raise KeyboardInterrupt


def test_a_command_learns_that_nobody_listens(node, tmp_path):
    pid_file = tmp_path / "pid"
    beat = f"echo $$ > {pid_file}; while echo beat; do sleep 0.05; done"
    with pytest.raises(KeyboardInterrupt):
        node.run(beat, deadline_s=30, on_line=interrupt)
    pid = int(pid_file.read_text())
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end, "it still runs"
        time.sleep(0.05)
    assert threads() == []


def test_a_cut_connection_says_during_what(start_sshd, user_key, config, keys):
    server = start_sshd()
    with NodeConnection.open(server.route(user_key, config), keys(first_use=True)) as node:
        lost = pytest.raises(UnreachableError, match=r"127.0.0.1:\d+ was lost during the preparation")
        with node.lines("echo a; sleep 30", deadline_s=20, what="the preparation") as lines, lost:
            assert [server.kill_connections() for _ in lines] == []
        assert not node.alive
        with pytest.raises(UnreachableError, match="was lost"):
            node.run("true", deadline_s=5)
    assert threads() == []


def test_every_step_of_connecting_has_a_deadline(sshd, user_key, config, keys):
    with socket.create_server(("127.0.0.1", 0)) as mute, Proxy(sshd.port) as proxy:
        proxy.freeze()
        for port in (mute.getsockname()[1], proxy.port):
            address = NodeAddress(host="127.0.0.1", port=port, identity=user_key)
            start = time.monotonic()
            with pytest.raises(
                UnreachableError, match=rf"127.0.0.1:{port} did not finish the SSH handshake within 0.5 s"
            ):
                NodeConnection.open(resolve(address, config=config), keys(first_use=True), deadline_s=0.5)
            assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("host", "said"),
    [("127.0.0.1", r"127.0.0.1:\d+ refused the connection"), ("node.invalid", "node.invalid cannot be resolved")],
)
def test_says_why_a_machine_cannot_be_reached(host, said, user_key, config, keys):
    route = resolve(NodeAddress(host=host, port=free_port(), identity=user_key), config=config)
    with pytest.raises(UnreachableError, match=said) as caught:
        NodeConnection.open(route, keys(), deadline_s=10)
    assert caught.value.hint


def test_another_protocol_is_not_taken_for_ssh(user_key, config, keys):
    with socket.create_server(("127.0.0.1", 0)) as web:

        def answer():
            one, _ = web.accept()
            with one:
                one.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        route = resolve(NodeAddress(host="127.0.0.1", port=web.getsockname()[1], identity=user_key), config=config)
        with pytest.raises(UnreachableError, match="no SSH connection"):
            NodeConnection.open(route, keys(), deadline_s=10)
        thread.join()


# Logging in.


@pytest.fixture
def agent(tmp_path, monkeypatch):
    """A real agent; call it with private keys to load."""
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))

    def load(*files, passphrase=""):
        ask = tmp_path / "ask"
        ask.write_text(f"#!/bin/sh\necho '{passphrase}'\n")
        ask.chmod(0o700)
        more = {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
        subprocess.run(["ssh-add", "-q", *files], check=True, env={**os.environ, **more}, stdin=subprocess.DEVNULL)
        return path

    yield load
    process.terminate()
    process.wait(10)


@pytest.fixture
def open_at(config, keys):
    """Log in to a server with a key, or with what else there is."""

    def open_(server, identity, **options):
        return NodeConnection.open(server.route(identity, config), keys(first_use=True), **options)

    return open_


@pytest.mark.parametrize(("kind", "bits"), [("ed25519", None), ("ecdsa", 521), ("rsa", 2048)])
def test_reads_a_key_by_its_content(kind, bits, tmp_path, start_sshd, open_at):
    key = make_key(tmp_path / "oddly.named", kind, bits=bits)
    with open_at(start_sshd(authorized=[key]), key) as node:
        assert node.run("echo in", deadline_s=10).stdout == "in\n"


def test_finds_a_default_key(tmp_path, start_sshd, open_at):
    (tmp_path / "home" / ".ssh").mkdir()
    key = make_key(tmp_path / "home" / ".ssh" / "id_ed25519")
    with open_at(start_sshd(authorized=[key]), None):
        pass


def test_uses_the_agent(agent, start_sshd, user_key, open_at):
    agent(user_key)
    with open_at(start_sshd(), None):
        pass


def test_uses_the_agent_that_the_configuration_names(agent, sshd, user_key, config, open_at):
    config.write_text(f"Host *\n IdentityAgent {agent(user_key)}\n")
    os.environ["SSH_AUTH_SOCK"] = "/nowhere"  # the fixture agent gives back what was there
    with open_at(sshd, None):
        pass


def test_an_encrypted_key_needs_an_agent(agent, tmp_path, start_sshd, open_at):
    key = make_key(tmp_path / "locked", passphrase="open sesame")
    server = start_sshd(authorized=[key])
    with pytest.raises(CredentialsError, match="locked is encrypted, and no agent holds it") as caught:
        open_at(server, key)
    assert caught.value.hint == f"ssh-add {key}"
    agent(key, passphrase="open sesame")
    with open_at(server, key):
        pass


def test_a_full_agent_does_not_use_up_the_tries(agent, tmp_path, sshd, user_key, open_at):
    agent(*(make_key(tmp_path / f"other-{count}") for count in range(7)))
    with open_at(sshd, user_key):
        pass
    with pytest.raises(CredentialsError, match=r"refused other-0 of the agent, .*; the node ended the login") as caught:
        open_at(sshd, None)
    assert "--identity" in caught.value.hint


def test_names_the_user_and_the_keys_that_were_refused(tmp_path, sshd, open_at):
    key = make_key(tmp_path / "stranger")
    said = rf"{getpass.getuser()}@127.0.0.1:\d+ refused {key}$"
    with pytest.raises(CredentialsError, match=said) as caught:
        open_at(sshd, key)
    assert caught.value.details["tried"] == [str(key)]


def test_having_no_key_is_said(sshd, open_at):
    with pytest.raises(CredentialsError, match="there is no key to log in"):
        open_at(sshd, None)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such file"), ("garbage", "no private key"), ("", "no private key")]
)
def test_a_chosen_key_that_cannot_be_used_is_an_error(content, said, tmp_path, sshd, open_at):
    key = tmp_path / "key"
    if content is not None:
        key.write_text(content)
    with pytest.raises(CredentialsError, match=f"{key} cannot be used: .*{said}"):
        open_at(sshd, key)


def test_a_server_that_takes_no_keys_is_said(start_sshd, user_key, keys, open_at):
    server = start_sshd(extra="PubkeyAuthentication no\nPasswordAuthentication yes\n")
    with pytest.raises(CredentialsError, match="takes no keys, only: password"):
        open_at(server, user_key)


# The way there.


def known(server, path):
    path.write_text(f"[127.0.0.1]:{server.port} {server.host_key.type} {server.host_key.base64}\n")
    return path


@pytest.fixture
def behind(start_sshd, user_key, config):
    """A server, and another through which the configuration leads to it."""
    inner, outer = start_sshd(), start_sshd()
    config.write_text(
        f"Host inner\n HostName 127.0.0.1\n Port {inner.port}\n ProxyJump outer\n"
        f"Host outer\n HostName 127.0.0.1\n Port {outer.port}\n"
        f"Host *\n IdentityFile {user_key}\n User {getpass.getuser()}\n"
    )
    return inner, outer


def test_goes_through_a_jump_host(behind, config, keys, tmp_path):
    inner, outer = behind
    route = resolve(NodeAddress(host="inner"), config=config)
    trust = {"fingerprint": inner.host_key.fingerprint, "known": (known(outer, tmp_path / "known"),)}
    with NodeConnection.open(route, keys(**trust)) as node:
        connection = node.run("echo $SSH_CONNECTION", deadline_s=10).stdout.split()
        assert connection[3] == str(inner.port)
        assert (
            f"to 127.0.0.1 port {inner.port}" in outer.log.read_text() or "Accepted publickey" in outer.log.read_text()
        )
    assert len(keys.heard) == 1


def test_a_jump_host_is_never_taken_at_first_use(behind, config, keys, tmp_path):
    inner, outer = behind
    route = resolve(NodeAddress(host="inner"), config=config)
    with pytest.raises(HostKeyError, match=f"jump host 127.0.0.1:{outer.port}.*not known") as caught:
        NodeConnection.open(route, keys(first_use=True))
    assert caught.value.hint.endswith("ssh outer")
    wrong = tmp_path / "wrong"
    wrong.write_text(f"[127.0.0.1]:{outer.port} {inner.host_key.type} {inner.host_key.base64}\n")
    with pytest.raises(HostKeyError, match="shows another host key") as caught:
        NodeConnection.open(route, keys(first_use=True, known=(wrong,)))
    assert "--host-key" not in caught.value.hint
    assert "Accepted" not in inner.log.read_text() + outer.log.read_text()


def test_a_jump_host_says_what_it_cannot_reach(behind, config, keys, tmp_path):
    inner, outer = behind
    inner.stop()
    route = resolve(NodeAddress(host="inner"), config=config)
    trust = Trust(known=(known(outer, tmp_path / "known"),), first_use=True)
    with pytest.raises(
        UnreachableError, match=f"{outer.port} cannot connect to 127.0.0.1:{inner.port}: Connect failed"
    ):
        NodeConnection.open(route, keys(**trust.model_dump()))


def test_goes_by_a_proxy_command(sshd, user_key, config, open_at):
    relay = "import os,socket,sys,threading as t\ns=socket.create_connection((sys.argv[1],int(sys.argv[2])))\n"
    relay += "def up():\n while d:=os.read(0,9999): s.sendall(d)\n s.shutdown(1)\n"
    relay += "t.Thread(target=up).start()\nwhile d:=s.recv(9999): os.write(1,d)\n"
    script = config.with_name("relay.py")
    script.write_text(relay)
    config.write_text(f"Host *\n ProxyCommand python3 {script} %h %p\n")
    with open_at(sshd, user_key) as node:
        assert node.run("echo through", deadline_s=10).stdout == "through\n"


def test_a_proxy_command_that_ends_is_noticed_at_once(sshd, user_key, config, open_at):
    config.write_text("Host *\n ProxyCommand false\n")
    start = time.monotonic()
    with pytest.raises(UnreachableError, match="no SSH connection"):
        open_at(sshd, user_key, deadline_s=20)
    assert time.monotonic() - start < 5


def test_fabric_uses_the_same_pinned_connection(node, tmp_path):
    source = tmp_path / "file"
    source.write_text("content")
    fabric = node.fabric()
    fabric.put(str(source), str(tmp_path / "there"))
    assert (tmp_path / "there").read_text() == "content"
    assert fabric.run("echo fabric", hide=True, in_stream=False).stdout == "fabric\n"
    assert not re.search("AutoAdd", repr(vars(fabric.client)))


def test_leaves_nothing_open(sshd, route, keys):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with NodeConnection.open(route, keys(first_use=True)) as node:
            node.run("true", deadline_s=10)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    assert threads() == []
