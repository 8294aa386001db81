import os
import signal
import socket
import subprocess
import sys

import pytest

from zephyr_deploy.errors import CapacityError, ConfigError, CredentialsError, UnreachableError
from zephyr_deploy.providers.local.weights.download import ATTEMPTS, Download, bytes_of

CONTENT = bytes(range(256)) * 4096
KILLED = """
import os, signal, sys
from pathlib import Path
from zephyr_deploy.providers.local.weights.download import Download

def report(done, _total):
    if done > 300_000:
        os.kill(os.getpid(), signal.SIGKILL)

Download(sys.argv[1], Path(sys.argv[2]), report=report).run(None)
"""


@pytest.fixture
def url(server):
    server.files["/model"] = CONTENT
    return f"{server.url}/model"


@pytest.fixture
def part(tmp_path):
    return tmp_path / "model.part"


def test_a_whole_file_arrives_with_progress(server, url, part, phase, sha256):
    Download(url, part, report=bytes_of(phase)).run(sha256(CONTENT))
    assert part.read_bytes() == CONTENT
    assert phase.steps[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in phase.steps] == sorted(done for done, _ in phase.steps)


def test_a_broken_transfer_goes_on_where_it_was_cut(server, url, part, sha256):
    server.cuts = [300_000]
    Download(url, part).run(sha256(CONTENT))
    assert [r for _, r, _ in server.requests] == [None, "bytes=300000-"]
    assert server.sent == len(CONTENT), "no byte was sent twice"
    assert part.read_bytes() == CONTENT


def test_a_later_run_goes_on_where_an_earlier_one_was_killed(server, url, part, sha256):
    part.write_bytes(CONTENT[:500_000])
    Download(url, part).run(sha256(CONTENT))
    assert [r for _, r, _ in server.requests] == ["bytes=500000-"]
    assert server.sent == len(CONTENT) - 500_000


def test_a_download_killed_half_way_goes_on(server, url, part, sha256):
    killed = subprocess.run([sys.executable, "-c", KILLED, url, part], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    have = part.stat().st_size
    assert 0 < have < len(CONTENT)
    Download(url, part).run(sha256(CONTENT))
    assert [r for _, r, _ in server.requests] == [None, f"bytes={have}-"]
    assert part.read_bytes() == CONTENT


def test_what_is_whole_already_is_not_asked_for(server, url, part, sha256):
    part.write_bytes(CONTENT)
    Download(url, part).run(sha256(CONTENT))
    assert server.requests == []


def test_without_a_digest_a_416_says_that_nothing_is_missing(server, url, part):
    part.write_bytes(CONTENT)
    Download(url, part).run(None)
    assert part.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_whole_again(server, url, part, sha256):
    server.ranges = False
    part.write_bytes(b"x" * 2_000_000)
    Download(url, part).run(sha256(CONTENT))
    assert part.read_bytes() == CONTENT


def test_a_part_of_another_file_is_begun_again(server, url, part, sha256):
    part.write_bytes(b"x" * 1000)
    Download(url, part).run(sha256(CONTENT))
    assert [r for _, r, _ in server.requests] == ["bytes=1000-", None]
    assert part.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_begun_again(server, url, part, sha256):
    part.write_bytes(CONTENT + b"x")
    Download(url, part).run(sha256(CONTENT))
    assert part.read_bytes() == CONTENT


def test_another_content_is_refused_and_removed(server, url, part, sha256):
    with pytest.raises(ConfigError, match="another content") as caught:
        Download(url, part).run(sha256(b"what was expected"))
    assert not part.exists()
    assert "--model" in caught.value.hint


def test_a_temporary_error_is_tried_again(server, url, part, sha256):
    server.statuses = [503, 429]
    Download(url, part).run(sha256(CONTENT))
    assert part.read_bytes() == CONTENT


def test_a_server_that_never_gets_further_is_given_up(server, url, part, sha256):
    server.statuses = [503] * 20
    with pytest.raises(UnreachableError, match="cannot be reached"):
        Download(url, part).run(sha256(CONTENT))
    assert len(server.requests) == ATTEMPTS


def test_no_network(part):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://user:hunter2@127.0.0.1:{closed.getsockname()[1]}/model"
        with pytest.raises(UnreachableError) as caught:
            Download(url, part).run(None)
    assert "hunter2" not in str(caught.value) + str(caught.value.hint)
    assert "--model /path/to/file.gguf" in caught.value.hint


@pytest.mark.parametrize(("status", "error"), [(401, CredentialsError), (403, CredentialsError), (404, ConfigError)])
def test_refusals_are_not_tried_again(server, url, part, status, error):
    server.statuses = [status]
    with pytest.raises(error, match=str(status)):
        Download(url, part).run(None)
    assert len(server.requests) == 1


def test_room_is_asked_for_before_the_first_byte(server, url, part):
    with pytest.raises(CapacityError, match="MB are missing in") as caught:
        Download(url, part, reserve=1 << 60).run(None)
    assert "ZEPHYR_CACHE_DIR" in caught.value.hint
    assert caught.value.details["needed_bytes"] == len(CONTENT) + (1 << 60)
    assert not part.exists()


def test_a_disk_that_fills_up_is_explained(server, url, part):
    part.symlink_to("/dev/full")
    with pytest.raises(CapacityError, match="became full") as caught:
        Download(url, part).run(None)
    assert str(part.parent) in caught.value.message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_small_disk_is_refused_with_what_is_missing(server, url, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk may not be mounted here: {mounted.stderr.decode().strip()}")
    try:
        with pytest.raises(CapacityError, match="1 MB are missing"):
            Download(url, disk / "part").run(None)
        # A server that does not say how much it will send: the disk itself does, and what has come is kept.
        server.headers_of["/model"] = {"Content-Length": None}
        with pytest.raises(CapacityError, match="became full"):
            Download(url, disk / "part").run(None)
        assert 0 < (disk / "part").stat().st_size < len(CONTENT)
    finally:
        subprocess.run(["umount", disk], check=True)
