"""A file from the hub to a node's disk, over a line that breaks."""

import hashlib
import os
import socket
import time

import pytest

from zephyr_deploy.agent import transfer as module
from zephyr_deploy.agent.errors import GoneError, NodeError
from zephyr_deploy.agent.fetch import Fetch
from zephyr_deploy.agent.transfer import Transfer

DATA = os.urandom(3 << 20)
SIZE = len(DATA)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.01)


@pytest.fixture
def make(server, tmp_path):
    server.files["/model.safetensors"] = DATA

    def make(blob=SHA256, size=SIZE, check=lambda: None, stall_s=60.0, **headers):
        url = f"{server.url}/model.safetensors"
        return Transfer(url, tmp_path / blob, size, blob, headers=headers, check=check, stall_s=stall_s)

    return make


def test_it_comes_whole(make):
    transfer = make()
    transfer.run()
    assert transfer.target.read_bytes() == DATA
    assert not transfer.part.exists()
    assert transfer.have == len(DATA)


def test_a_cut_is_gone_on_with(make, server):
    server.cuts = [1_000_000, 500_000]
    transfer = make()
    transfer.run()
    assert transfer.target.read_bytes() == DATA
    assert [asked[1] for asked in server.requests] == [None, "bytes=1000000-", "bytes=1500000-"]


def test_a_line_that_breaks_again_and_again_brings_it_all_the_same(make, server):
    server.cuts = [200_000] * 12
    transfer = make()
    transfer.run()
    assert transfer.target.read_bytes() == DATA
    assert len(server.requests) == 13


def test_a_file_that_gets_no_further_is_given_up(make):
    """Accepted, and nothing is said: each connection for a part of the time, so that one that hung is tried again."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        transfer = make(stall_s=0.3)
        transfer.url = f"http://127.0.0.1:{silent.getsockname()[1]}/model.safetensors"
        began = time.monotonic()
        with pytest.raises(
            NodeError, match=r"model\.safetensors did not come whole from 127.* in [23] tries: timed out"
        ):
            transfer.run()
        assert time.monotonic() - began >= 0.3


def test_what_an_earlier_run_left_is_used(make, server):
    first = make()
    first.part.write_bytes(DATA[:2_000_000])
    transfer = make()
    assert transfer.have == 2_000_000
    transfer.run()
    assert transfer.target.read_bytes() == DATA
    assert server.requests[0][1] == "bytes=2000000-"
    assert server.sent == len(DATA) - 2_000_000


def test_a_server_that_does_not_resume(make, server):
    server.ranges = False
    make().part.write_bytes(DATA[:1_000_000])
    transfer = make()
    transfer.run()
    assert transfer.target.read_bytes() == DATA


def test_spoilt_leftovers_are_fetched_anew(make, server):
    make().part.write_bytes(b"x" * 1_000_000)
    transfer = make()
    transfer.run()
    assert transfer.target.read_bytes() == DATA
    assert len(server.requests) == 2


def test_a_file_that_is_not_what_was_promised(make, server):
    transfer = make(blob="0" * 64)
    with pytest.raises(NodeError, match=r"did not come whole from .* in 6 tries.*digest"):
        transfer.run()
    assert not transfer.target.exists()


def test_small_files_are_checked_by_git(make, server):
    git = hashlib.sha1(b"blob %d\0" % len(DATA) + DATA).hexdigest()
    transfer = make(blob=git)
    transfer.run()
    assert transfer.target.read_bytes() == DATA


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "credentials"), (403, "credentials"), (404, "config"), (400, "unreachable")]
)
def test_a_refusal_is_told_at_once(make, server, status, kind):
    server.statuses = [status]
    with pytest.raises(NodeError, match=f"answered {status}") as caught:
        make().run()
    assert caught.value.kind == kind
    assert len(server.requests) == 1


def test_a_server_in_trouble_is_asked_again(make, server):
    server.statuses = [500, 503, 429]
    make().run()
    assert len(server.requests) == 4


def test_the_token_does_not_go_to_another_host(make, server):
    """The hub answers with an address elsewhere; `localhost` is another host than 127.0.0.1."""
    there = f"http://localhost:{server.server_port}/elsewhere"
    server.answers["/model.safetensors"] = (302, {"Location": there})
    server.files["/elsewhere"] = DATA
    make(Authorization="Bearer hf_secret").run()
    assert [(asked[0], asked[2]) for asked in server.requests] == [
        ("/model.safetensors", "Bearer hf_secret"),
        ("/elsewhere", None),
    ]


def test_nobody_listens(make):
    def gone():
        raise GoneError

    transfer = make(check=gone)
    with pytest.raises(GoneError):
        transfer.run()
    assert not transfer.target.exists()


@pytest.fixture
def model(server):
    files = {
        "config.json": b"{}",
        "model-00001-of-00002.safetensors": DATA,
        "model-00002-of-00002.safetensors": DATA[::-1],
    }
    for path, data in files.items():
        server.files[f"/org/name/resolve/c0ffee/{path}"] = data
    return {
        "repo": "org/name",
        "commit": "c0ffee",
        "endpoint": server.url,
        "files": [{"path": p, "size": len(d), "blob": hashlib.sha256(d).hexdigest()} for p, d in files.items()],
    }


def fetch(model, cache, heard, token=""):
    with heard.report.phase("weights", "Weights") as phase:
        return Fetch(model, cache, token, heard.report, phase).run()


def test_the_cache_is_the_hubs_own(model, tmp_path, heard):
    """By the library itself, offline; and the ref of the commit's own name, which hf-hub in Rust wants."""
    from huggingface_hub import snapshot_download

    assert fetch(model, tmp_path, heard)
    folder = snapshot_download("org/name", revision="c0ffee", cache_dir=tmp_path / "hub", local_files_only=True)
    assert (tmp_path / "hub/models--org--name/refs/c0ffee").read_text() == "c0ffee"
    found = {path.name: path.read_bytes() for path in (tmp_path / "hub").joinpath(folder).iterdir()}
    assert found["model-00001-of-00002.safetensors"] == DATA


def test_what_is_here_is_not_fetched(model, tmp_path, heard, server):
    fetch(model, tmp_path, heard)
    server.requests.clear()
    assert fetch(model, tmp_path, heard) is False
    assert server.requests == []


def test_one_refusal_ends_all(model, tmp_path, heard, server):
    server.answers["/org/name/resolve/c0ffee/config.json"] = (403, {})
    with pytest.raises(NodeError, match=r"answered 403 to config\.json") as caught:
        fetch(model, tmp_path, heard)
    assert caught.value.kind == "credentials"
    assert "HF_TOKEN" in caught.value.hint


def test_no_room(model, tmp_path, heard):
    model["files"][1]["size"] = 1 << 60
    with pytest.raises(NodeError, match="GB free for org/name") as caught:
        fetch(model, tmp_path, heard)
    assert caught.value.kind == "capacity"
