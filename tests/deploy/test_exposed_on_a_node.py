"""An endpoint that others may reach: TLS by an authority that can be checked, a key, few routes, one network."""

from __future__ import annotations

import json
import os
import secrets
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from lab.boot import NodeSpec
from lab.cards import A100

from zephyr_deploy import smoke, up
from zephyr_deploy.cli import main as program
from zephyr_deploy.deploy.authority import authority_of
from zephyr_deploy.deploy.reach import reached
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.spec.deployment import Access, Deployment, Machine

NAME = "open"
KEY, OTHER = (f"zk-{secrets.token_hex(16)}" for _ in range(2))
ELSEWHERE = "203.0.113.0/24"
HELLO = {"inputs": "Hi", "parameters": {"max_new_tokens": 4}}
SOURCE = "MY_ENDPOINT_KEY"


@pytest.fixture(scope="module")
def node(desk):
    desk.patch.setenv(SOURCE, KEY)
    return desk.nodes(NodeSpec(card=A100, preload=True))


@pytest.fixture(scope="module")
def bring(node):
    """`up` of the deployment with this access."""

    def run(**access):
        machine = Machine(host=node.address, user=node.user, identity=str(node.key))
        wanted = Access(expose=True, api_key_from=f"env:{SOURCE}", **access)
        options = RolloutOptions(trust=Trust(fingerprint=node.host_key_fingerprint), prepare=False)
        return up(Deployment(name=NAME, provider="ssh", machine=machine, access=wanted), rollout_options=options)

    return run


@pytest.fixture(scope="module")
def opened(bring):
    """Exposed to where this machine is, as the node sees it."""
    return bring().service


@pytest.fixture
def client(opened):
    """Somebody outside who has the authority's certificate, and no key."""
    context = ssl.create_default_context(cafile=str(authority_of(opened)))
    with httpx.Client(base_url=opened.public_url, verify=context, trust_env=False, timeout=30) as made:
        yield made


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def test_its_address_is_told(node, opened, capsys):
    assert (opened.public_url, opened.tls) == (f"https://{node.address}", "internal")
    assert program.main(["status", NAME]) == 0
    assert f"https://{node.address}" in capsys.readouterr().out


def test_tls_can_be_checked_and_is_not_taken_on_trust(opened, client):
    assert client.get("/health").status_code == 200
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{opened.public_url}/health", trust_env=False)


@pytest.mark.parametrize(
    "headers", [{}, bearer(OTHER), {"Authorization": "Bearer"}, bearer(KEY[:-1]), {"Authorization": KEY}]
)
def test_who_has_no_key_gets_no_answer(client, headers):
    answer = client.post("/generate", json=HELLO, headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"], answer.content) == (401, "Bearer", b"")


def test_who_has_the_key_gets_one(client):
    answer = client.post("/generate", json=HELLO, headers=bearer(KEY))
    assert answer.status_code == 200
    assert answer.json()["generated_text"]


def test_every_check_of_the_smoke_test_passes_from_outside(opened):
    """As a user would: aiohttp reads the variable once, when it is imported."""
    command = [sys.executable, "-m", "zephyr_deploy", "smoke", "--url", opened.public_url, "--api-key-env", SOURCE]
    trusting = {**os.environ, "SSL_CERT_FILE": str(authority_of(opened))}
    done = subprocess.run(command, env=trusting, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "path", ["/metrics", "/docs", "/invocations", "/v1/load_lora_adapter", "/v1/models/../../metrics"]
)
def test_what_is_not_for_others_is_not_there(client, path):
    assert client.get(path, headers=bearer(KEY)).status_code == 404
    assert client.get(path).status_code == 404


def test_nothing_is_said_in_clear(node, opened):
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{node.address}/health", trust_env=False)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{node.address}:8080/health", trust_env=False)
    listening = [line.split()[3] for line in node.exec("ss -Hltn").stdout.splitlines()]
    outside = {place.rpartition(":")[2] for place in listening if not place.startswith(("127.", "[::1]"))}
    assert outside == {"22", "443"}


def test_the_tunnel_stays(opened):
    with reached(NAME) as endpoint:
        assert endpoint.url.startswith("http://127.0.0.1:")
        assert smoke(endpoint).passed


def test_env_gives_clients_all_that_they_need(opened, capsys):
    assert program.main(["env", NAME, "--public", "-o", "json"]) == 0
    variables = json.loads(capsys.readouterr().out)["data"]
    assert variables["OPENAI_BASE_URL"] == f"{opened.public_url}/v1"
    assert variables["OPENAI_API_KEY"] == KEY
    assert program.main(["env", NAME, "--ca", "-o", "quiet"]) == 0
    pem = capsys.readouterr().out
    assert pem.startswith("-----BEGIN CERTIFICATE-----\n")
    assert Path(variables["SSL_CERT_FILE"]).read_text() == pem
    context = ssl.create_default_context(cafile=variables["SSL_CERT_FILE"])
    answer = httpx.get(f"{variables['OPENAI_BASE_URL']}/models", verify=context, headers=bearer(KEY), trust_env=False)
    assert answer.status_code == 200


def test_a_request_outlives_a_new_key(bring, client, opened, monkeypatch):
    """The one that runs was let in with the old key; the next needs the new one, and nothing was restarted."""
    statuses, began, go_on = [], threading.Event(), threading.Event()

    def long_answer():
        body = {"inputs": "Count to a hundred", "parameters": {"max_new_tokens": 200}}
        with client.stream("POST", "/generate_stream", json=body, headers=bearer(KEY)) as answer:
            lines = answer.iter_lines()
            next(lines)
            began.set()
            go_on.wait(60)
            statuses.extend([answer.status_code, "generated_text" in "".join(lines)])

    thread = threading.Thread(target=long_answer)
    thread.start()
    assert began.wait(30)
    monkeypatch.setenv(SOURCE, OTHER)
    result = bring()
    go_on.set()
    thread.join(60)
    assert (result.changed, result.release) == (True, opened.release)
    assert statuses == [200, True]
    assert client.get("/v1/models", headers=bearer(KEY)).status_code == 401
    assert client.get("/v1/models", headers=bearer(OTHER)).status_code == 200
    assert not bring().changed
    monkeypatch.setenv(SOURCE, KEY)
    assert bring().changed


def test_where_the_key_is_gone_nobody_is_let_in(node, client):
    held = f"/run/zephyr-deploy/{NAME}/api_key"
    node.exec(f"mv {held} {held}.away")
    try:
        assert {client.get("/v1/models", headers=h).status_code for h in ({}, bearer(KEY), bearer("x"))} == {401}
    finally:
        node.exec(f"mv {held}.away {held}")
    assert client.get("/v1/models", headers=bearer(KEY)).status_code == 200


def test_up_again_changes_nothing(bring, opened):
    assert not bring().changed


def test_a_port_that_is_taken_is_refused_before_anything_is_touched(node, bring):
    """Last but one: another deployment wants the same port."""
    machine = Machine(host=node.address, user=node.user, identity=str(node.key))
    options = RolloutOptions(trust=Trust(fingerprint=node.host_key_fingerprint), prepare=False)
    access = Access(expose=True, port=8090)
    with pytest.raises(ConfigError, match="port 443 of the node is taken"):
        up(Deployment(name="second", provider="ssh", machine=machine, access=access), rollout_options=options)
    assert node.exec("docker ps --all --format '{{.Names}}'").stdout.count("zephyr-second") == 0


def test_other_networks_are_not_answered(client, bring):
    """Last: from then on this machine is outside."""
    bring(cidr=ELSEWHERE)
    for path in ("/health", "/generate", "/metrics"):
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            client.get(path, headers=bearer(KEY))
    with reached(NAME) as endpoint:
        assert smoke(endpoint).passed
