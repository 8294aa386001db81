"""A real machine that hears that its cloud takes it back: what runs on it ends well, nothing begins, and all say so.

What tells it is a stand-in of EC2's instance metadata service on the machine's own loopback; a real one only an account
has (docs/verification.md).
"""

from __future__ import annotations

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import httpx
import pytest
from lab.boot import NodeSpec
from lab.cards import A100

from zephyr_deploy import status, up
from zephyr_deploy.cli.main import main
from zephyr_deploy.deploy.reach import reached
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.node.hostkeys import Trust
from zephyr_deploy.providers.aws.create import packed
from zephyr_deploy.providers.clouds.userdata import user_data
from zephyr_deploy.spec.deployment import Deployment, Machine

NAME = "taken"
PORT = 9254
CLIENTS = 6
LONG = {"inputs": "Count to a thousand", "parameters": {"max_new_tokens": 400}}
UNIT = "zephyr-deploy-interruption.service"
NOTICE = {"action": "terminate", "time": "2026-11-26T14:03:00Z"}
METADATA = f"""
import http.server, pathlib

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self):
        self.answer(200 if self.path == "/latest/api/token" else 404, "token")

    def do_GET(self):
        notice = pathlib.Path("/run/notice")
        if self.headers["X-aws-ec2-metadata-token"] != "token":
            self.answer(401, "")
        elif self.path == "/latest/meta-data/spot/instance-action" and notice.exists():
            self.answer(200, notice.read_text())
        else:
            self.answer(404, "")

http.server.ThreadingHTTPServer(("127.0.0.1", {PORT}), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def node(desk):
    """One that a cloud could take back, in the lab as far as its user data goes."""
    config = user_data(None, None, metadata_url=f"http://127.0.0.1:{PORT}")
    found = desk.nodes(NodeSpec(cloud_config=config, card=A100, preload=True))
    found.exec("cat >/run/metadata.py", stdin=METADATA)
    found.exec("systemd-run --unit=metadata /usr/bin/python3 /run/metadata.py")
    machine = Machine(host=found.address, user=found.user, identity=str(found.key))
    trust = RolloutOptions(trust=Trust(fingerprint=found.host_key_fingerprint), prepare=False)
    up(Deployment(name=NAME, provider="ssh", machine=machine), rollout_options=trust)
    return found


def test_without_a_notice_it_listens_and_serves(node):
    assert node.exec(f"systemctl is-active {UNIT}").stdout == "active\n"
    assert node.exec("systemctl --failed --no-legend").stdout == ""
    found = status(NAME)
    assert found.state == "ready"
    assert not found.machines[0].ending.taken_back


def test_cloud_init_unpacks_what_aws_is_sent_packed(node):
    text = user_data(None, None, metadata_url="http://169.254.169.254")
    sent = base64.b64encode(packed(text)).decode()
    read = "import sys, cloudinit.user_data as u; print(u.convert_string(sys.stdin.buffer.read()).get_payload())"
    assert sent.startswith("H4sI"), "it is packed"
    assert node.exec(f"base64 --decode | python3 -c '{read}'", stdin=sent).stdout.strip() == text.strip()


def test_what_runs_ends_well_and_nothing_begins_and_all_say_so(node, capsys):
    with reached(NAME) as endpoint, ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(stream_until_refused, endpoint) for _ in range(CLIENTS)]
        time.sleep(1)
        node.exec("cat >/run/notice.part && mv /run/notice.part /run/notice", stdin=json.dumps(NOTICE))
        streams = [client.result() for client in clients]
    first_refused, last_ended = min(end.refused_at for end in streams), max(end.ended_at for end in streams)
    assert first_refused < last_ended, "what ran when nothing was taken any more has come to its end"

    found = status(NAME)
    assert found.state != "ready"
    assert found.machines[0].detail == "its cloud takes it back at 14:03 UTC; it takes no new request"
    assert f"{found.machines[0].ending.taken_back_at:%H:%M}" == "14:03"
    assert "(terminate) at 2026-11-26T14:03:00Z" in node.exec(f"journalctl --unit={UNIT}").stdout
    assert main(["status", NAME]) == 7
    assert "its cloud takes it back at 14:03 UTC" in capsys.readouterr().out
    assert main(["ls"]) == 0
    assert "its cloud takes it back at 14:03 UTC" in capsys.readouterr().err
    assert main(["chat", "--name", NAME, "Hi"]) == 7
    assert "its cloud takes it back at 14:03 UTC" in capsys.readouterr().err


class End(NamedTuple):
    """When the last stream of a client ended, whole as every one before, and when the next one was refused."""

    ended_at: float
    refused_at: float


def stream_until_refused(endpoint):
    how, ended_at = {"json": LONG, "headers": endpoint.headers(), "timeout": 60}, 0.0
    while True:
        got = ""
        try:
            with httpx.stream("POST", f"{endpoint.url}/generate_stream", **how) as answer:
                for part in answer.iter_text():
                    got += part
        except httpx.TransportError:
            assert got == "", "a stream was cut"
            return End(ended_at, time.monotonic())
        assert '"generated_text"' in got, "the last event of a stream that is whole"
        ended_at = time.monotonic()
