"""The gateway on a machine of its own: its files word for word, Caddy's judgement of them, and what they leave out."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from release.conftest import lock_of, plan_of, program, release_for, wish
from release.real_caddy import DEADLINE_S, FIRST, KEY, REST, ask, free_port, install, running, stream

from zephyr_deploy.agent.front import sources, unreached
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.release.front import render_front

GOLDEN = Path(__file__).with_name("golden")
UPDATE = "UPDATE_GOLDEN"
NODES = ("10.0.0.4", "2001:db8::5")
AUTHORITIES = (
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n",
)
MACHINES = {"host": "gpu1", "hosts": ["gpu2"], "gateway": "ubuntu@203.0.113.9:2222"}
FRONTS = {
    "front": {},
    "front-exposed-address": {"access": {"expose": True, "cidr": "198.51.100.0/24"}},
    "front-exposed-domain": {"access": {"expose": True, "domain": "llm.example.org", "cidr": "2001:db8::/32"}},
}


def behind(**changes):
    return wish(**{"machine": MACHINES, **changes})


def front_for(deployment, caller="192.0.2.7/32", nodes=NODES):
    image = lock_of(plan_of(deployment)).gateway
    return render_front(deployment, image, caller=caller, nodes=nodes, authorities=AUTHORITIES)


@pytest.mark.parametrize("name", FRONTS)
def test_golden(name):
    release, folder = front_for(behind(**FRONTS[name])), GOLDEN / name
    if os.environ.get(UPDATE):
        folder.mkdir(exist_ok=True)
        for path, text in release.files.items():
            (folder / path).write_text(text)
    assert {path.name: path.read_text() for path in folder.glob("*")} == release.files, f"meant so? {UPDATE}=1 pytest"


@pytest.mark.parametrize("name", FRONTS)
def test_caddy_takes_every_file(name, tmp_path):
    caddy = program("caddy", "make setup")
    for path, text in front_for(behind(**FRONTS[name])).files.items():
        (tmp_path / path).write_text(text)
    # It reads the authorities as it starts, and these are none.
    entry = (tmp_path / "entry").read_text().replace("tls_trust_pool file /etc/caddy/peers.pem", "")
    (tmp_path / "entry").write_text(entry)
    command = [caddy, "validate", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_no_engine_and_no_key_is_on_it():
    files = front_for(behind(**FRONTS["front-exposed-domain"])).files
    assert not any(path.startswith("engine") for path in files)
    assert "api_key" not in files["gateway.sh"] + files["Caddyfile"]
    assert not {"model", "engine", "model_id", "api_key"} & set(json.loads(files["release.json"]))


CHANGES = {
    "another limit": {"limits": {"max_total_tokens": 2048}},
    "another model": {"model": {"id": "TheBloke/zephyr-7B-beta-AWQ"}},
    "another engine": {"engine": {"name": "vllm"}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_release_of_the_nodes_leaves_it_as_it_is(change):
    changed = behind(**CHANGES[change])
    assert front_for(changed).id == front_for(behind()).id
    assert release_for(changed).id != release_for(behind()).id


def test_another_node_is_another_release():
    assert front_for(behind(), nodes=NODES[:1]).id != front_for(behind()).id


def test_what_is_open_to_others_is_no_business_of_the_nodes():
    private, opened = release_for(behind()), release_for(behind(**FRONTS["front-exposed-domain"]))
    assert private.id == opened.id
    assert json.loads(opened.files["release.json"])["site"] == ""
    assert "llm.example.org" not in opened.files["Caddyfile"]


@pytest.mark.parametrize("hosts", [[], ["gpu2"]])
def test_nodes_open_a_port_to_it_even_one_alone(hosts):
    files = release_for(behind(machine={**MACHINES, "hosts": hosts})).files
    assert "https://zephyr-zephyr.internal:8081 {" in files["Caddyfile"]
    assert json.loads(files["release.json"])["peer_port"] == 8081


def test_it_must_be_known_who_may_reach_it():
    with pytest.raises(ConfigError, match="who may reach"):
        front_for(behind(access={"expose": True}), caller="")


@pytest.fixture
def node(tmp_path, engine):
    """A node's Caddy in front of the engine: the port where other machines reach it, and its authority."""
    port, folder = free_port(), tmp_path / "node"
    text = release_for(behind(access={"port": port - 1})).files["Caddyfile"]
    text = text.replace("admin unix//run/zephyr/admin.sock", "admin off")
    folder.mkdir()
    install(text.replace("/run/zephyr/api_key", str(folder / "api_key")), folder, engine.server_port)
    (folder / "api_key").write_text(KEY)
    (folder / "strangers").write_text("")
    with running(folder, port):
        pem = (folder / ".local/share/caddy/pki/authorities/local/root.crt").read_text()
        until_reached = time.monotonic() + DEADLINE_S
        while missed := unreached(about(port), pem):
            assert time.monotonic() < until_reached, missed
            time.sleep(0.05)
        yield port, pem


def about(port):
    return {"nodes": ["127.0.0.1"], "node_port": port, "node_name": "zephyr-zephyr.internal"}


@pytest.fixture
def front(tmp_path, node):
    """The port of the gateway's Caddy in front of that node."""
    port, folder, (node_port, pem) = free_port(), tmp_path / "front", node
    files = front_for(behind(access={"port": port}), nodes=["127.0.0.1"]).files
    folder.mkdir()
    (folder / "peers.pem").write_text(pem)
    (folder / "Caddyfile").write_text(files["Caddyfile"].replace("admin unix//run/zephyr/admin.sock", "admin off"))
    entry = files["entry"].replace("/etc/caddy/", f"{folder}/").replace(f":{port + 1}", f":{node_port}")
    (folder / "entry").write_text(entry)
    with running(folder, port):
        yield port


def test_requests_pass_both_and_the_node_asks_for_the_key(front, engine):
    assert ask(front, body=b"hello") == (200, b"hello")
    assert ask(front, key="")[0] == ask(front, key="another")[0] == 401
    assert ask(front, "/health", method="GET", key="") == (200, b"here")
    assert all("Authorization" not in headers for headers, _ in engine.seen)


def test_events_pass_both_at_once(front, engine):
    with stream(front) as answer:
        assert answer.read(len(FIRST)) == FIRST
        engine.go_on.set()
        assert answer.read(len(REST)) == REST


def test_a_node_that_is_not_reached_is_told_with_the_reason(node):
    port, pem = node
    closed = free_port()
    assert unreached(about(closed), pem) == [f"node 127.0.0.1, port {closed}: Connection refused"]
    (untrusted,) = unreached(about(port), "")
    assert "certificate" in untrusted
    (strange,) = unreached({**about(port), "node_name": "zephyr-other.internal"}, pem)
    assert strange.startswith(f"node 127.0.0.1, port {port}: ")


def test_it_knows_which_of_its_addresses_a_node_sees():
    """Nothing is sent to find out; towards another network it may be another one."""
    assert sources({"nodes": ["127.0.0.1", "127.0.0.9"]}, None) == {
        "sources": {"127.0.0.1": "127.0.0.1", "127.0.0.9": "127.0.0.1"}
    }
