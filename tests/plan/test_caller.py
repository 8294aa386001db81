"""An exposed endpoint is open to one network: the one that is named, or the caller's own; never to all by oversight."""

import json

import pytest

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.caller import is_within, network_of
from zephyr_deploy.plan.machine import GpuFacts, NodeFacts
from zephyr_deploy.plan.node import plan_for_node
from zephyr_deploy.release.lock import Lock, LockedImage
from zephyr_deploy.release.render import render
from zephyr_deploy.spec.deployment import Access, Deployment, Machine

FACTS = NodeFacts(
    system="Debian GNU/Linux 12",
    os="debian",
    os_version="12",
    architecture="x86_64",
    kernel="6.1.0",
    python="3.11.2",
    systemd=252,
    cpus=8,
    memory_bytes=1 << 36,
    memory_total_bytes=1 << 36,
    disk_free_bytes=1 << 40,
    docker_disk_free_bytes=1 << 40,
    root_writable=True,
    gpus=(
        GpuFacts(name="NVIDIA L4", memory_bytes=1 << 35, memory_used_bytes=0, driver="570", compute_capability="8.9"),
    ),
    clock=0,
)
IMAGE = LockedImage(name="x:1", digest=f"sha256:{'0' * 64}")
LOCK = Lock(engine=IMAGE, gateway=IMAGE, repo="a/b", asked_revision=None, commit="c" * 40, files=())


def released(caller="198.51.100.7", host="203.0.113.9", **access):
    """The files of a release that is exposed."""
    wish = Deployment(provider="ssh", machine=Machine(host=host), access=Access(expose=True, **access))
    return render(plan_for_node(wish, FACTS, hub="https://huggingface.co", caller=caller), LOCK)


@pytest.mark.parametrize(
    ("caller", "network"),
    [
        ("198.51.100.7", "198.51.100.7/32"),
        ("::ffff:198.51.100.7", "198.51.100.7/32"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("fe80::1%eth0", "fe80::1/128"),
        ("198.51.100.0/24", "198.51.100.0/24"),
        ("", ""),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("0.0.0.0", ""),
        ("UNKNOWN", ""),
    ],
)
def test_the_network_of_a_caller(caller, network):
    assert network_of(caller) == network


@pytest.mark.parametrize(
    ("caller", "allowed", "inside"),
    [
        ("198.51.100.7", "198.51.100.0/24", True),
        ("198.51.101.7", "198.51.100.0/24", False),
        ("2001:db8::1", "198.51.100.0/24", False),
        ("2001:db8::1", "2001:db8::/32", True),
        ("127.0.0.1", "198.51.100.0/24", True),
        ("198.51.100.7", "", True),
    ],
)
def test_who_is_within(caller, allowed, inside):
    assert is_within(caller, allowed) is inside


@pytest.mark.parametrize("caller", ["", "127.0.0.1", "nonsense"])
def test_nobody_knows_where_the_caller_is(caller):
    with pytest.raises(ConfigError, match=r"access\.cidr: it is unset") as caught:
        released(caller=caller)
    assert "203.0.113.0/24" in str(caught.value.hint) + caught.value.message
    assert "not remote_ip 10.0.0.0/8\n" in released(caller=caller, cidr="10.0.0.0/8").files["Caddyfile"]


def test_the_caller_alone_may_reach_it():
    assert "not remote_ip 198.51.100.7/32\n" in released().files["Caddyfile"]


def test_what_is_open_already_stays_open_to_the_same():
    """A laptop in another network changes no release: the engine would be restarted for it."""
    assert released(caller="198.51.100.7/32").id == released().id


def test_where_a_secret_comes_from_is_no_part_of_a_release():
    assert released(api_key_from="cmd:op read op://vault/zephyr/key").id == released().id


@pytest.mark.parametrize(
    ("host", "domain", "site", "tls"),
    [
        ("203.0.113.9", None, "203.0.113.9", "internal"),
        ("me@203.0.113.9:2222", None, "203.0.113.9", "internal"),
        ("2001:db8::9", None, "[2001:db8::9]", "internal"),
        ("gpu1", None, "gpu1", "internal"),
        ("203.0.113.9", "llm.example.org", "llm.example.org", "acme"),
        ("203.0.113.9", "llm.local", "llm.local", "internal"),
    ],
)
def test_names_and_who_vouches_for_them(host, domain, site, tls):
    files = released(host=host, domain=domain).files
    about = json.loads(files["release.json"])
    assert (about["site"], about["tls"], about["allowed"]) == (site, tls, "198.51.100.7/32")
    assert f"\nhttps://{site} {{\n" in files["Caddyfile"]
    assert ("tls internal" in files["Caddyfile"]) is (tls == "internal")
    # Nothing answers in clear, but for what a public authority asks and the way to https.
    assert ("auto_https disable_redirects" in files["Caddyfile"]) is (tls == "internal")


def test_a_private_endpoint_names_nobody():
    wish = Deployment(provider="ssh", machine=Machine(host="203.0.113.9"))
    about = json.loads(render(plan_for_node(wish, FACTS, hub="x", caller=""), LOCK).files["release.json"])
    assert (about["site"], about["tls"], about["allowed"]) == ("", "", "")
