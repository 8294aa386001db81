"""A key and a token that are known are looked for everywhere: on the node, on the laptop, in all that is printed."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab import search
from lab.boot import NodeSpec
from lab.cards import A100
from lab.hubseed import GATED
from lab.services.hub import MEMBER

from zephyr_deploy import services
from zephyr_deploy.deploy.reach import reached
from zephyr_deploy.endpoint.smoke import smoke

NAME = "sealed"
KEY = f"zk-{secrets.token_hex(16)}"
OTHER = f"zk-{secrets.token_hex(16)}"
SEARCH = "/usr/bin/lab-search"
HELD = f"/run/zephyr-deploy/{NAME}/api_key"
"""The one place on a node where the key may be read, by root."""
CONFIG = """
name = "{name}"
provider = "ssh"

[model]
id = "{model}"
token_from = "cmd:sh -c 'echo once >>asked; printenv MY_TOKEN'"

[access]
api_key_from = "file:key"

[machine]
host = "{host}"
user = "{user}"
identity_from = "env:ZEPHYR_DEPLOY_KEY"

[machine.host_keys]
"{host}" = "{host_key}"
"""


class Laptop:
    """A user's machine: a folder with zephyr.toml, state of its own, and all that was printed there."""

    def __init__(self, folder: Path, node, hub: str) -> None:
        self.folder, self.node = folder, node
        self.state = folder / "state"
        self.printed = ""
        self.environ = {
            "ZEPHYR_STATE_DIR": str(self.state),
            "ZEPHYR_CACHE_DIR": str(folder / "cache"),
            "HF_ENDPOINT": hub,
            "MY_TOKEN": MEMBER,
            "ZEPHYR_DEPLOY_KEY": node.key.read_text(),
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
        }
        values = {"name": NAME, "model": GATED, "host": node.address, "user": node.user}
        values["host_key"] = node.host_key_fingerprint
        (folder / "zephyr.toml").write_text(CONFIG.format(**values))
        (folder / "key").touch(0o600)
        self.take_key(KEY)

    @property
    def deploy_key(self) -> str:
        """A line of the private key's, which is in no file of this laptop's."""
        return self.node.key.read_text().splitlines()[-2]

    def take_key(self, key: str) -> None:
        (self.folder / "key").write_text(key + "\n")

    def run(self, *words: str, code: int = 0) -> str:
        """What a command prints on stdout; all that it prints is kept."""
        command = [sys.executable, "-m", "zephyr_deploy", "--debug", *words]
        given = {"cwd": self.folder, "env": self.environ, "capture_output": True, "text": True, "timeout": 120}
        done = subprocess.run(command, check=False, **given)
        self.printed += done.stdout + done.stderr
        assert done.returncode == code, done.stderr[-3000:]
        return done.stdout

    def up(self, *words: str) -> dict:
        told = self.run("up", "-o", "json", "--no-prepare", *words)
        return json.loads(told)["data"]


def look(node, *secret):
    """Every place of the node where one of the secrets can be read."""
    found = json.loads(node.exec(SEARCH, stdin="\n".join(secret), timeout_s=120).stdout)
    assert found["looked"] > 500
    return found["places"]


@contextmanager
def watched(node, *secret):
    """Look at all processes of the node meanwhile; the places where a secret was seen are added to the list."""
    seen, stop = [], f"/run/lab-stop-{len(threading.enumerate())}"
    command = f"rm -f {stop}; {SEARCH} watch {stop}"
    thread = threading.Thread(target=lambda: seen.append(node.exec(command, stdin="\n".join(secret), timeout_s=120)))
    thread.start()
    places = []
    yield places
    node.exec(f"touch {stop}")
    thread.join(30)
    found = json.loads(seen[0].stdout)
    assert found["looked"] > 500
    places += found["places"]


def gateway(node):
    return node.exec(f"docker inspect --format '{{{{.Id}}}}' zephyr-{NAME}-gateway").stdout


def engine(node):
    return node.exec(f"docker ps --quiet --no-trunc --filter name=zephyr-{NAME}-[0-9a-f]").stdout


@pytest.fixture(scope="module")
def laptop(lab, desk):
    node = desk.nodes(NodeSpec(card=A100, preload=True, files={SEARCH: Path(search.__file__).read_text()}))
    desk.patch.setenv("ZEPHYR_DEPLOY_KEY", node.key.read_text())  # for what is called here, and not typed
    return Laptop(desk.folder, node, lab.hub_url)


@pytest.fixture(scope="module")
def served(laptop):
    """The gated model, serving; what the processes of the node showed while it was brought there."""
    with watched(laptop.node, KEY, MEMBER) as seen:
        laptop.up()
    assert (laptop.folder / "asked").read_text() == "once\n"  # the program that gives the token may ask its user
    return seen


def test_the_search_finds_what_is_there(laptop):
    """It would be worth nothing if it did not."""
    node = laptop.node
    node.exec("echo x needle-in-a-haystack | base64 >/var/lib/lab-needle; logger needle-in-a-haystack")
    places = look(node, "needle-in-a-haystack")
    assert "/var/lib/lab-needle" in places
    assert "journalctl" in places
    with watched(node, "needle-in-argv") as seen:
        node.exec("sh -c 'sleep 1; : needle-in-argv'; env NEEDLE=needle-in-argv sleep 1")
    assert {"cmdline of sh", "environ of sleep"} <= set(seen)


def test_the_gated_model_serves_behind_the_given_key(served):
    with reached(NAME) as endpoint:
        assert endpoint.headers() == {"Authorization": f"Bearer {KEY}"}
        assert smoke(endpoint).passed


def test_no_process_of_the_node_showed_them_on_the_way(served):
    assert served == []


def test_the_key_is_in_one_place_of_the_node_and_the_token_in_none(laptop, served):
    assert look(laptop.node, KEY, MEMBER) == [HELD]
    assert laptop.node.exec(f"stat --format '%a %U' {HELD}").stdout == "600 root\n"
    assert laptop.node.exec(f"stat --file-system --format %T {HELD}").stdout == "tmpfs\n"


def test_nothing_that_is_printed_shows_them(laptop, served):
    """Results as tables and JSON, failures with tracebacks, logs, history."""
    for words in (["status"], ["ls"], ["config", "show"], ["releases"], ["logs"], ["up", "--dry-run"]):
        laptop.run(*words, "-o", "json")
    laptop.run("status")
    laptop.run("config", "show", "--origin")
    laptop.run("debug-bundle", "--to", str(laptop.folder / "bundle.tar.gz"))
    with tarfile.open(laptop.folder / "bundle.tar.gz") as bundle:
        laptop.printed += "".join(f.read().decode() for m in bundle.getmembers() if (f := bundle.extractfile(m)))
    laptop.environ["ZEPHYR_ENGINE__ENV"] = "LAB_FAIL=oom-warmup"
    laptop.run("redeploy", "-o", "json", code=7)
    laptop.environ["ZEPHYR_ENGINE__ENV"] = f"API_KEY={KEY}"
    laptop.run("redeploy", code=3)
    del laptop.environ["ZEPHYR_ENGINE__ENV"]
    assert "Traceback" in laptop.printed
    assert "memory is too small" in laptop.printed
    for form in (*search.forms(KEY), *search.forms(MEMBER), *search.forms(laptop.deploy_key)):
        assert form.decode() not in laptop.printed
    assert look(laptop.node, KEY, MEMBER) == [HELD]


def test_the_laptop_keeps_none_of_them(laptop, served):
    seen = search.Search([KEY, MEMBER, laptop.deploy_key])
    seen.folder(str(laptop.state))
    assert seen.looked > 3
    assert seen.places == set()


def test_a_new_key_holds_at_once_and_restarts_nothing(laptop, served):
    before = gateway(laptop.node), engine(laptop.node)
    laptop.take_key(OTHER)
    result = laptop.up()
    assert result["changed"]
    assert [phase["phase"] for phase in result["phases"]] == ["connect", "look", "plan", "gateway", "look"]
    assert (gateway(laptop.node), engine(laptop.node)) == before
    with reached(NAME) as endpoint:
        assert endpoint.headers() == {"Authorization": f"Bearer {OTHER}"}
        assert smoke(endpoint).passed
    assert look(laptop.node, KEY, MEMBER) == []


def test_after_a_reboot_the_key_is_unsealed(laptop, served):
    laptop.node.reboot()
    _wait_ready(laptop)
    assert not laptop.up()["changed"]
    assert look(laptop.node, OTHER, KEY, MEMBER) == [HELD]


def test_where_nothing_can_be_sealed_up_sends_the_key_again(laptop, served):
    """Systemd before 250 has no systemd-creds: here it is taken away."""
    node = laptop.node
    node.exec("mv /usr/bin/systemd-creds /root/")
    try:
        node.reboot()
        _wait_engine(laptop)
        service = services(NAME)[0]
        assert service.state == "unhealthy"
        assert "lost in a reboot" in service.detail
        assert (
            "run 'zephyr-deploy up', which sends it again" in node.exec(f"journalctl -u zephyr-{NAME}-gateway").stdout
        )
        before = engine(node)
        assert laptop.up()["changed"]
        assert engine(node) == before
        assert services(NAME)[0].state == "ready"
    finally:
        node.exec("mv /root/systemd-creds /usr/bin/")


def test_down_leaves_neither(laptop, served):
    laptop.run("down")
    assert look(laptop.node, KEY, OTHER, MEMBER) == []
    assert laptop.node.exec("find / -xdev -name '*.cred' -path '*zephyr*'").stdout == ""


def _wait_ready(laptop):
    _wait(laptop, lambda service: service.state == "ready")


def _wait_engine(laptop):
    _wait(laptop, lambda service: "lost in a reboot" in service.detail)


def _wait(laptop, done, tries=60):
    for _ in range(tries):
        if (found := services(NAME)) and done(found[0]):
            return
        time.sleep(1)
    raise AssertionError(found)
