import getpass
import stat
import subprocess
import threading

import pytest

from zephyr_deploy.errors import ConfigError, LockedError
from zephyr_deploy.locks import acquire
from zephyr_deploy.node import (
    NodeAddress,
    NodeConnection,
    SshHost,
    add_host,
    remove_host,
    resolve,
    ssh_host,
    sshconfig,
    vscode_link,
)
from zephyr_deploy.node.sshconfig import own_config, user_config

OWN = "# mine\nHost *\n  User nobody\n  Port 1\n  ProxyJump elsewhere\n  StrictHostKeyChecking no\n"


@pytest.fixture
def block(tmp_path):
    """A plain block of a deployment."""

    def make(name="demo", **changes):
        values = {"alias": f"zephyr-{name}", "host": "203.0.113.7", "port": 2222, "user": "ubuntu"}
        return SshHost(**{**values, "known_hosts": tmp_path / "pins", **changes})

    return make


def asked(alias, config):
    """What ssh itself makes of a configuration."""
    answer = subprocess.run(["ssh", "-G", "-F", str(config), alias], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in answer.stdout.splitlines() if " " in line)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_ssh_reads_what_is_meant_and_no_later_line_wins(block, config, tmp_path):
    config.write_text(OWN)
    key = tmp_path / "a key at 100%h"
    add_host(block(identities=(key,), known_hosts=tmp_path / "pins of 100%"), config=config)
    said = asked("zephyr-demo", config)
    assert (said["hostname"], said["user"], said["port"]) == ("203.0.113.7", "ubuntu", "2222")
    assert (said["stricthostkeychecking"], said["hostkeyalias"]) == ("true", "zephyr-demo")
    assert (said["identitiesonly"], said["serveraliveinterval"]) == ("yes", "15")
    assert "proxyjump" not in said
    assert asked("other", config)["user"] == "nobody"


def test_files_are_private_and_the_users_text_stays(block, config):
    config.write_text(OWN)
    config.chmod(0o640)
    for _ in range(2):
        add_host(block(), config=config)
    text = config.read_text()
    assert text.endswith("\n\n" + OWN)
    assert text.count("Include") == 1
    assert text.splitlines()[1] == f'Include "{own_config()}"'
    assert (mode(config), mode(own_config()), mode(own_config().parent)) == (0o640, 0o600, 0o700)
    remove_host("demo", config=config)
    assert config.read_text() == OWN
    assert not own_config().exists()


def test_makes_the_users_file_if_there_is_none(block):
    add_host(block())
    assert (mode(user_config()), mode(user_config().parent)) == (0o600, 0o700)
    remove_host("demo")
    assert user_config().read_text() == ""


def test_an_include_that_was_moved_goes_back_to_the_top(block, config):
    add_host(block(), config=config)
    include = config.read_text().splitlines()[1]
    config.write_text(f"{OWN}  {include}\n")
    add_host(block(), config=config)
    assert config.read_text().count("Include") == 1
    assert asked("zephyr-demo", config)["user"] == "ubuntu"


def test_a_link_stays_a_link(block, config, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(config)
    add_host(block(), config=link)
    assert link.is_symlink()
    assert "Include" in config.read_text()


def test_every_deployment_has_a_block_of_its_own(block, config):
    for name in ("demo", "other", "demo-2"):
        add_host(block(name), config=config)
    add_host(block(host="203.0.113.8"), config=config)
    remove_host("other", config=config)
    remove_host("never-there", config=config)
    text = own_config().read_text()
    assert [line for line in text.splitlines() if line.startswith("Host ")] == [
        "Host zephyr-demo",
        "Host zephyr-demo-2",
    ]
    assert asked("zephyr-demo", config)["hostname"] == "203.0.113.8"
    assert asked("zephyr-demo-2", config)["hostname"] == "203.0.113.7"


def test_removing_what_is_not_there_touches_nothing(config):
    remove_host("demo", config=config)
    assert config.read_text() == ""
    assert not own_config().parent.exists()


def test_many_at_once_lose_nothing(block, config):
    config.write_text(OWN)
    names = [f"node-{count}" for count in range(8)]
    threads = [threading.Thread(target=add_host, args=(block(name),), kwargs={"config": config}) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(f"Host zephyr-{name}\n" in own_config().read_text() for name in names)
    assert config.read_text().count("Include") == 1


def test_says_that_another_is_at_it(block, config, monkeypatch):
    monkeypatch.setattr(sshconfig, "LOCK_S", 0.05)
    lock = acquire(own_config().with_name("config.lock"), 0)
    with pytest.raises(LockedError, match="another process"):
        add_host(block(), config=config)
    lock.release()


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "a\n  ProxyCommand id"},
        {"host": "-oProxyCommand=id"},
        {"user": "a\nHost *"},
        {"user": "a b"},
        {"alias": "zephyr-a b"},
    ],
)
def test_refuses_what_no_host_and_no_user_is_called(changes, block):
    with pytest.raises(ValueError, match="String should match"):
        block(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"identities": ('/a"b',)},
        {"identities": ("/a\n  ProxyCommand id",)},
        {"known_hosts": "/${HOME}/b"},
        {"proxy_jump": "a\n  ProxyCommand id"},
        {"proxy_command": "nc %h %p\nHost *"},
    ],
)
def test_refuses_what_would_be_more_than_one_value(changes, block, config):
    with pytest.raises(ConfigError, match="cannot"):
        add_host(block(**changes), config=config)
    assert config.read_text() == ""


def test_refuses_a_state_folder_that_ssh_reads_as_a_pattern(block, config, monkeypatch, tmp_path):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "a[b]"))
    with pytest.raises(ConfigError, match="as a pattern"):
        add_host(block(), config=config)


def test_says_when_the_users_file_cannot_be_read(block, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        add_host(block(), config=tmp_path / "folder")


def ssh(config, *command):
    return subprocess.run(
        ["ssh", "-F", str(config), "-o", "BatchMode=yes", *command],
        capture_output=True,
        text=True,
        timeout=20,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_ssh_itself_gets_in_with_the_pin_and_with_no_other_key(start_sshd, config, keys, tmp_path):
    config.write_text(OWN)
    first = start_sshd()
    (tmp_path / "empty").write_text("")
    route = first.route(first.user_key, tmp_path / "empty")
    NodeConnection.open(route, keys(first_use=True)).close()
    add_host(ssh_host("demo", route, keys().file), config=config)
    done = ssh(config, "zephyr-demo", "echo in")
    assert (done.returncode, done.stdout) == (0, "in\n"), done.stderr
    first.stop()
    start_sshd(port=first.port)
    refused = ssh(config, "zephyr-demo", "echo in")
    assert refused.returncode == 255
    assert "IDENTIFICATION HAS CHANGED" in refused.stderr


def test_ssh_itself_goes_through_the_same_jump(start_sshd, config, keys, tmp_path):
    inner, outer = start_sshd(), start_sshd()
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{outer.port} {outer.host_key.type} {outer.host_key.base64}\n")
    config.write_text(
        f"Host outer\n HostName 127.0.0.1\n Port {outer.port}\n UserKnownHostsFile {known}\n"
        f"Host inner\n HostName 127.0.0.1\n Port {inner.port}\n ProxyJump outer\n"
        f"Host *\n IdentityFile {inner.user_key}\n User {getpass.getuser()}\n"
    )
    route = resolve(NodeAddress(host="inner"), config=config)
    NodeConnection.open(route, keys(first_use=True, known=(known,))).close()
    add_host(ssh_host("demo", route, keys().file), config=config)
    done = ssh(config, "zephyr-demo", "echo $SSH_CONNECTION")
    assert done.stdout.split()[3:] == [str(inner.port)], done.stderr
    assert "Accepted" in outer.log.read_text()


def test_ssh_itself_runs_the_same_proxy_command(block, config):
    command = "connect --to 203.0.113.7:22 --at 100%"
    config.write_text("Host node\n ProxyCommand connect --to %h:%p --at 100%%\n HostName 203.0.113.7\n")
    route = resolve(NodeAddress(host="node"), config=config)
    assert route.proxy_command == command
    add_host(ssh_host("demo", route, block().known_hosts), config=config)
    assert asked("zephyr-demo", config)["proxycommand"] == command.replace("%", "%%")


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("/", "vscode://vscode-remote/ssh-remote+zephyr-demo/"),
        ("/srv/a b%c#?", "vscode://vscode-remote/ssh-remote+zephyr-demo/srv/a%20b%25c%23%3F"),
    ],
)
def test_the_link_opens_a_folder_in_vscode(path, link):
    assert vscode_link("demo", path) == link


def test_the_link_needs_a_whole_path():
    with pytest.raises(ConfigError, match="absolute"):
        vscode_link("demo", "srv")
