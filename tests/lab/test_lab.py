"""The lab itself: nodes boot, let in who should come in, pull, serve real tokens, and break as they are told.

That hub and registry break as they are told is what tests/chaos/nodes stands on.
"""

import json
import socket
import subprocess
import time

import pytest
from lab.boot import NodeSpec
from lab.cards import L4, OLD_DRIVER
from lab.docker import LabError, LabUnavailableError
from lab.hubseed import GATED, ZEPHYR
from lab.waiting import wait_for

QUESTION = {"inputs": "The capital of France is", "parameters": {"max_new_tokens": 4}}


def ssh(node, command, *, user=None):
    """As OpenSSH does it, with the node's key pinned."""
    known = node.key.with_suffix(".known")
    known.write_text(f"{node.address} {node.host_key}\n")
    options = [f"-oUserKnownHostsFile={known}", "-oStrictHostKeyChecking=yes", "-oBatchMode=yes", "-oConnectTimeout=10"]
    args = ["ssh", "-F/dev/null", *options, f"-i{node.key}", f"{user or node.user}@{node.address}", command]
    return subprocess.run(args, capture_output=True, text=True, timeout=30, check=False)


def run_tgi(node, *options, env=None, image=None, hub=True):
    """Start TGI on a node as `docker run` does, under the name tgi, on the node's port 8080."""
    said = {"MODEL_ID": ZEPHYR, **({"HF_ENDPOINT": node.lab.hub_url} if hub else {}), **(env or {})}
    words = " ".join(f"-e {name}='{value}'" for name, value in said.items())
    node.exec("docker rm -f tgi", check=False)
    node.exec(f"docker run -d --name tgi -v /data:/data -p 127.0.0.1:8080:80 {words} {image or node.lab.tgi_image} "
              f"{' '.join(options)}")  # fmt: skip


def logs(node):
    return node.exec("docker logs tgi 2>&1").stdout


def answers(node, path="/health"):
    return node.exec(f"curl -sf -m 5 localhost:8080{path}", check=False).returncode == 0


def generate(node, body=QUESTION, path="/generate"):
    """The answer of one request, and its status."""
    curl = f"curl -s -m 30 -w '\\n%{{http_code}}' -H 'content-type: application/json' -d @- localhost:8080{path}"
    text, _, status = node.exec(curl, stdin=json.dumps(body)).stdout.rpartition("\n")
    return text, int(status)


def exit_code(node):
    """TGI's exit code, once it has ended."""
    wait_for(lambda: "exited" in node.exec("docker inspect -f '{{.State.Status}}' tgi").stdout)
    return int(node.exec("docker inspect -f '{{.State.ExitCode}}' tgi").stdout)


def test_two_nodes_boot_side_by_side_and_let_their_user_in(node_factory):
    nodes = node_factory.many(NodeSpec(), NodeSpec(docker=False))
    assert len({node.address for node in nodes}) == len({node.host_key_fingerprint for node in nodes}) == 2
    for node in nodes:
        assert ssh(node, "sudo id -un").stdout.strip() == "root"
        assert ssh(node, "id -un", user="root").stdout.strip() == "root"
        assert node.exec("systemctl is-system-running --wait").stdout.strip() == "running"
        shown = ssh(node, "sudo ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").stdout
        assert node.host_key_fingerprint in shown
    with_docker, bare = nodes
    assert with_docker.exec("docker info").returncode == 0
    assert bare.exec("command -v docker", check=False).returncode != 0


def test_a_node_pulls_by_real_names_and_serves_real_tokens_after_a_reboot_too(node_factory):
    node = node_factory()
    node.exec(f"docker pull -q {node.lab.tgi_image}", timeout_s=120)
    digests = node.exec(f"docker image inspect -f '{{{{.RepoDigests}}}}' {node.lab.tgi_image}").stdout
    assert digests.startswith("[ghcr.io/huggingface/text-generation-inference@sha256:")
    run_tgi(node, "--restart-is-not-tgis")
    assert exit_code(node) == 2
    assert "error: unexpected argument '--restart-is-not-tgis' found" in logs(node)
    run_tgi(node)
    wait_for(lambda: answers(node))
    text, status = generate(node)
    assert status == 200
    assert "Paris" in text
    assert {asked["path"].rpartition("/")[2] for asked in node.requests("hub")} >= {"model-00001-of-00002.safetensors"}
    node.exec("docker update --restart unless-stopped tgi")
    node.reboot()
    wait_for(lambda: answers(node))
    assert "Files are already present on the host. Skipping download." in logs(node)


class TestPreloaded:
    """On one machine that has the images."""

    @pytest.fixture(autouse=True)
    def empty(self, shared_node):
        yield
        shared_node.exec("docker rm -f tgi caddy; rm -rf /data", check=False)

    def test_no_pull_is_needed(self, shared_node):
        assert not shared_node.requests("registry")
        node_images = shared_node.exec("docker images --format '{{.Repository}}:{{.Tag}}'").stdout.split()
        lab = shared_node.lab
        assert {lab.tgi_image, lab.tgi_older_image, lab.caddy_image} == set(node_images)

    def test_tgi_streams_chats_and_drains(self, shared_node):
        run_tgi(shared_node, env={"MAX_TOTAL_TOKENS": "512", "GRACEFUL_TERMINATION_TIMEOUT": "20"})
        wait_for(lambda: answers(shared_node))
        stream, _ = generate(shared_node, path="/generate_stream")
        assert "Paris" in json.loads(stream.strip().splitlines()[-1].removeprefix("data:"))["generated_text"]
        chat = {"model": "tgi", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
        reply, status = generate(shared_node, chat, "/v1/chat/completions")
        assert (status, json.loads(reply)["usage"]["completion_tokens"]) == (200, 4)
        # TGI's own defect: it renders Zephyr's template without trimming its lines.
        rendered, _ = generate(shared_node, chat, "/chat_tokenize")
        assert json.loads(rendered)["templated_text"] == "\n\n<|user|>\nHi</s>\n\n\n<|assistant|>\n\n"
        long = {**QUESTION, "parameters": {"max_new_tokens": 200}}
        shared_node.exec("cat > /tmp/body", stdin=json.dumps(long))
        shared_node.exec(
            "curl -s -m 60 -o /tmp/long -H 'content-type: application/json' -d @/tmp/body localhost:8080/generate & "
            "sleep 0.5; docker stop -t 30 tgi; wait"
        )
        assert "generated_text" in shared_node.exec("cat /tmp/long").stdout
        assert exit_code(shared_node) == 0
        assert "webserver terminated" in logs(shared_node)

    def test_bad_settings_end_as_in_tgi(self, shared_node):
        run_tgi(shared_node, env={"MAX_TOTAL_TOKENS": "many"})
        assert exit_code(shared_node) == 2
        assert "error: invalid value 'many' for '--max-total-tokens <MAX_TOTAL_TOKENS>'" in logs(shared_node)
        run_tgi(shared_node, env={"MAX_TOTAL_TOKENS": "100", "MAX_INPUT_TOKENS": "100"})
        assert exit_code(shared_node) == 1
        assert 'Error: ArgumentValidation("`max_input_tokens`(100) must be < ' in logs(shared_node)

    def test_ordered_failures_have_tgis_last_words(self, shared_node):
        run_tgi(shared_node, env={"LAB_FAIL": "oom-warmup"})
        assert exit_code(shared_node) == 1
        assert "Error: Backend(Warmup(Generation(" in logs(shared_node)
        run_tgi(shared_node, env={"LAB_FAIL": "hang"})
        wait_for(lambda: "Connected" in logs(shared_node))
        hung = shared_node.exec("curl -s -m 1 localhost:8080/health", check=False)
        assert hung.returncode == 28, "accepted, and no answer"

    def test_a_gated_model_needs_the_right_token(self, shared_node):
        run_tgi(shared_node, env={"MODEL_ID": GATED})
        assert exit_code(shared_node) == 1
        assert "401 Client Error" in logs(shared_node)
        run_tgi(shared_node, env={"MODEL_ID": GATED, "HF_TOKEN": "hf_labstranger"})
        assert exit_code(shared_node) == 1
        assert "403 Client Error" in logs(shared_node)
        run_tgi(shared_node, env={"MODEL_ID": GATED, "HF_TOKEN": "hf_labmember"})
        wait_for(lambda: "Connected" in logs(shared_node))

    def test_weights_can_be_fetched_before_and_served_offline(self, shared_node):
        hub, image = shared_node.lab.hub_url, shared_node.lab.tgi_image
        fetch = f"docker run --rm -v /data:/data -e HF_ENDPOINT={hub} --entrypoint text-generation-server {image}"
        shared_node.exec(f"{fetch} download-weights {ZEPHYR}")
        run_tgi(shared_node, env={"HF_HUB_OFFLINE": "1"}, hub=False)
        wait_for(lambda: answers(shared_node))
        assert "Paris" in generate(shared_node)[0]

    def test_caddy_runs_as_the_official_image_does(self, shared_node):
        shared_node.exec("printf ':80\\nrespond hello\\n' > /tmp/Caddyfile")
        mount = "-v /tmp/Caddyfile:/etc/caddy/Caddyfile:ro"
        shared_node.exec(f"docker run -d --name caddy -p 127.0.0.1:8081:80 {mount} {shared_node.lab.caddy_image}")
        wait_for(lambda: shared_node.exec("curl -s localhost:8081", check=False).stdout == "hello")


def test_gpus_need_the_toolkit_and_a_new_driver(node_factory):
    card, no_toolkit, old = node_factory.many(
        NodeSpec(card=L4, preload=True),
        NodeSpec(card=L4, toolkit=False, preload=True),
        NodeSpec(card=OLD_DRIVER, preload=True),
    )
    query = "--query-gpu=name,memory.total,compute_cap --format=csv,noheader"
    run = f"docker run --rm --gpus all --entrypoint nvidia-smi {card.lab.tgi_image}"
    assert card.exec(f"{run} {query}").stdout.strip() == "NVIDIA L4, 23034 MiB, 8.9"
    assert "CUDA Version: 12.8" in card.exec("nvidia-smi").stdout
    refused = no_toolkit.exec(f"{run} {query}", check=False)
    assert 'could not select device driver "" with capabilities: [[gpu]]' in refused.stderr
    assert "unsatisfied condition: cuda>=12.4" in old.exec(f"{run} {query}", check=False).stderr
    card.exec("nvidia-ctk runtime configure --runtime=docker && systemctl restart docker")
    assert "nvidia" in card.exec("docker info -f '{{json .Runtimes}}'").stdout


def greeting(address, port):
    """What sshd says first."""
    with socket.create_connection((address, port), timeout=3) as connection:
        return connection.recv(4)


def duration(address, port):
    """Seconds from the call to sshd's greeting."""
    begun = time.monotonic()
    assert greeting(address, port) == b"SSH-"
    return time.monotonic() - begun


def test_a_line_can_be_bad(shared_node):
    with shared_node.line(delay_ms=700) as line:
        assert duration(line.host, line.port) >= 0.7
        line.stall()
        with pytest.raises(TimeoutError):
            greeting(line.host, line.port)
    with shared_node.loss(100), pytest.raises(TimeoutError):
        greeting(shared_node.address, shared_node.port)
    assert greeting(shared_node.address, shared_node.port) == b"SSH-"


def test_a_cable_can_be_bad_where_the_kernel_can(shared_node):
    try:
        with shared_node.netem(delay_ms=700):
            assert duration(shared_node.address, shared_node.port) >= 0.7
    except LabUnavailableError as error:
        pytest.skip(str(error))


def test_lines_break_disks_fill_and_machines_end(node_factory):
    node = node_factory(disks={"/srv": 8})
    with node.fill_disk("/srv"):
        assert "No space left" in node.exec("head -c 100000 /dev/zero > /srv/more", check=False).stderr
    with pytest.raises(LabError, match="disk of its own"), node.fill_disk("/etc"):
        pass
    assert ssh(node, "true").returncode == 0
    node.pause()
    with pytest.raises(TimeoutError):
        greeting(node.address, node.port)
    node.unpause()
    node.disconnect()
    with pytest.raises(OSError):
        greeting(node.address, node.port)
    node.connect()
    assert ssh(node, "true").returncode == 0
    node.exec("systemctl poweroff")
    node.wait_off()
    node.start()
    assert ssh(node, "true").returncode == 0
