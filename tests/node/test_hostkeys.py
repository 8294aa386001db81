import stat
import subprocess

import pytest
from loopback_sshd import make_key, public

from zephyr_deploy.errors import ConfigError, HostKeyError
from zephyr_deploy.node import HostKey, NodeConnection, PinFile, Trust, alias_of
from zephyr_deploy.node.hostkeys import fingerprint
from zephyr_deploy.node.knownhosts import read_known


def test_fingerprints_are_those_of_ssh_keygen(host_key):
    said = subprocess.run(["ssh-keygen", "-lf", str(host_key)], capture_output=True, text=True, check=True).stdout
    assert fingerprint(HostKey.parse(public(host_key))) == said.split()[1]


def test_an_unknown_key_is_refused_with_the_flag_that_accepts_it(sshd, route, keys):
    with pytest.raises(HostKeyError) as caught:
        NodeConnection.open(route, keys())
    error, shown = caught.value, sshd.host_key.fingerprint
    assert str(error) == f"the host key of 127.0.0.1:{sshd.port} (ssh-ed25519 {shown}) is not known"
    assert error.hint.endswith(f"--host-key {shown}")
    assert (error.exit_code, error.details["fingerprint"]) == (6, shown)
    assert not keys().file.exists()
    assert keys.heard == []


@pytest.mark.parametrize("source", ["host-key", "known-hosts", "first-use"])
def test_a_pin_is_made_once_and_told_of(source, sshd, route, keys, tmp_path):
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{sshd.port} {public(sshd.host_keys[0])}")
    trust = {
        "host-key": {"fingerprint": sshd.host_key.fingerprint},
        "known-hosts": {"known": (known,)},
        "first-use": {"first_use": True},
    }[source]
    NodeConnection.open(route, keys(**trust)).close()
    [pinned] = keys.heard
    assert (pinned.source, pinned.key, pinned.replaced) == (source, sshd.host_key, ())
    file = keys().file
    assert file.read_text() == f"zephyr-demo,[127.0.0.1]:{sshd.port} ssh-ed25519 {sshd.host_key.base64}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    NodeConnection.open(route, keys()).close()
    assert len(keys.heard) == 1


def test_another_machine_at_the_same_address_is_refused_until_named(start_sshd, user_key, config, keys):
    first = start_sshd()
    NodeConnection.open(first.route(user_key, config), keys(first_use=True)).close()
    old = first.host_key.fingerprint
    first.stop()
    second = start_sshd(port=first.port)
    new, route = second.host_key.fingerprint, second.route(user_key, config)
    for trust in ({}, {"first_use": True}):
        with pytest.raises(HostKeyError) as caught:
            NodeConnection.open(route, keys(**trust))
        assert f"ssh-ed25519 {new}, where " in str(caught.value)
        assert f"has ssh-ed25519 {old}; this may be another machine" in str(caught.value)
        assert "someone in between" in str(caught.value)
        assert caught.value.hint.endswith(f"--host-key {new}")
    assert "Accepted" not in second.log.read_text(), "nothing was sent to it"
    NodeConnection.open(route, keys(fingerprint=new)).close()
    assert keys.heard[-1].replaced == (old,)
    NodeConnection.open(route, keys()).close()


def test_the_pin_goes_with_the_machine_to_another_address(start_sshd, user_key, config, keys):
    first = start_sshd()
    NodeConnection.open(first.route(user_key, config), keys(first_use=True)).close()
    moved = start_sshd(first.host_keys[0])
    NodeConnection.open(moved.route(user_key, config), keys()).close()
    assert f"zephyr-demo,[127.0.0.1]:{moved.port} " in keys().file.read_text()
    assert len(keys.heard) == 1, "nothing new was trusted"


def test_a_pin_at_the_address_alone_is_taken_over(sshd, route, keys):
    PinFile(keys().file).pin(sshd.host_key, f"[127.0.0.1]:{sshd.port}")
    NodeConnection.open(route, keys()).close()
    assert PinFile(keys().file).keys("zephyr-demo") == (sshd.host_key,)


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_the_user_may_name_any_key_of_the_machine(kind, start_sshd, config, keys, tmp_path):
    other = make_key(tmp_path / kind, kind)
    server = start_sshd(make_key(tmp_path / "ed"), other)
    wanted = HostKey.parse(public(other))
    route = server.route(server.user_key, config)
    NodeConnection.open(route, keys(fingerprint=wanted.fingerprint)).close()
    assert keys().pinned(route) == (wanted,)
    NodeConnection.open(route, keys()).close(), "the pinned kind is asked for first"


def test_a_named_key_that_it_has_not_is_refused(sshd, route, keys):
    with pytest.raises(HostKeyError, match="has not the host key that --host-key"):
        NodeConnection.open(route, keys(fingerprint="SHA256:" + "A" * 43))


def test_what_the_user_knows_wins_over_first_use(sshd, route, keys, tmp_path):
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{sshd.port} {public(make_key(tmp_path / 'other'))}")
    with pytest.raises(HostKeyError, match="where your known_hosts has ssh-ed25519"):
        NodeConnection.open(route, keys(first_use=True, known=(known,)))


def test_a_revoked_key_is_refused_always(sshd, route, keys, tmp_path):
    known = tmp_path / "known"
    known.write_text(f"@revoked * {public(sshd.host_keys[0])}")
    with pytest.raises(HostKeyError, match="is revoked"):
        NodeConnection.open(route, keys(fingerprint=sshd.host_key.fingerprint, known=(known,)))


def test_a_fingerprint_must_be_one():
    with pytest.raises(ValueError, match="fingerprint"):
        Trust(fingerprint="SHA256:short")


def test_an_alias_needs_a_name():
    assert alias_of("demo") == "zephyr-demo"
    with pytest.raises(ConfigError):
        alias_of("de mo")


# The format.

NAMES = ["host", "[host]:2222", "a.example.org", "[127.0.0.1]:22022", "::1"]


@pytest.mark.parametrize("name", NAMES)
def test_reads_hashed_names_as_ssh_writes_them(name, tmp_path, host_key):
    path = tmp_path / "known"
    path.write_text(f"{name} {public(host_key)}")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    assert path.read_text().startswith("|1|")
    assert read_known([path], name).keys == (HostKey.parse(public(host_key)),)
    assert read_known([path], name + "x").keys == ()


@pytest.mark.parametrize("name", [*NAMES, "b.example.org", "[b.example.org]:22", "no.example.org", "Host"])
@pytest.mark.parametrize(
    "names",
    ["host", "[host]:2222,::1", "*.example.org", "?.example.org", "*.example.org,!b.*", "!host,*", "[*]:2222", "*"],
)
def test_matches_names_as_ssh_does(names, name, tmp_path, host_key):
    path = tmp_path / "known"
    path.write_text(f"# comment\n\n{names} {public(host_key)}garbage\n")
    found = subprocess.run(["ssh-keygen", "-F", name, "-f", str(path)], capture_output=True, text=True, check=False)
    assert bool(read_known([path], name).keys) == ("ssh-ed25519" in found.stdout)


def test_passes_over_lines_that_hold_no_key(tmp_path, host_key):
    path = tmp_path / "known"
    path.write_text(f"host ssh-ed25519 !!!\nhost ssh-rsa AAAA\n|1|x|y ssh-ed25519 AAAA\nhost {public(host_key)}")
    path.write_bytes(path.read_bytes() + b"\xff\xfe\n")
    assert read_known([path], "host").keys == (HostKey.parse(public(host_key)),)


def test_forgets_one_name_and_keeps_the_rest(tmp_path, host_key):
    pins, key = PinFile(tmp_path / "pins"), HostKey.parse(public(host_key))
    pins.forget("a")
    pins.pin(key, "a", "b")
    pins.pin(key, "c")
    pins.forget("a")
    assert [bool(pins.keys(name)) for name in "abc"] == [False, True, True]


def test_says_when_a_pin_cannot_be_written(tmp_path, host_key):
    (tmp_path / "pins").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        PinFile(tmp_path / "pins").pin(HostKey.parse(public(host_key)), "a")
