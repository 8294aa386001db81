"""A model from the hub, against a stand-in that speaks the hub's wire format.

It answers ``GET /api/models/ID/revision/REV?blobs=true`` and ``GET /ID/resolve/COMMIT/FILE`` with Range, and redirects
no one: it has no CDN, no Xet, no pagination and no real tokens (a private repository is a 401 with the hub's own
``X-Error-Code``).
"""

import json
import os
import socket

import pytest

from zephyr_deploy.errors import ConfigError, CredentialsError, UnreachableError
from zephyr_deploy.plan.plan import ModelSource
from zephyr_deploy.providers.local.weights.digest import sha256_of
from zephyr_deploy.providers.local.weights.fetch import local_path, prepare_source
from zephyr_deploy.providers.local.weights.hub import choose, resolve

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILE = "tiny.Q4_K_M.gguf"


@pytest.fixture(autouse=True)
def no_token(monkeypatch, home):
    monkeypatch.setenv("HF_TOKEN_PATH", os.devnull)


@pytest.fixture
def hub(server, gguf, sha256, monkeypatch):
    content = gguf(65536)
    siblings = [
        {"rfilename": "README.md", "size": 12, "blobId": "a" * 40},
        _sibling(FILE, content, sha256(content)),
        _sibling("tiny.Q8_0.gguf", content, sha256(content)),
    ]
    model = {"_id": "1", "id": "some/tiny-GGUF", "sha": COMMIT, "siblings": siblings}
    for path in ("", "/revision/main", f"/revision/{COMMIT}"):
        server.files[f"/api/models/some/tiny-GGUF{path}"] = json.dumps(model).encode()
    server.files[f"/some/tiny-GGUF/resolve/{COMMIT}/{FILE}"] = content
    server.headers_of[f"/some/tiny-GGUF/resolve/{COMMIT}/{FILE}"] = {
        "ETag": f'"{sha256(content)}"',
        "X-Linked-Etag": f'"{sha256(content)}"',
        "X-Repo-Commit": COMMIT,
    }
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    return server


def _sibling(name, content, digest):
    lfs = {"size": len(content), "sha256": digest, "pointerSize": 134}
    return {"rfilename": name, "size": len(content), "blobId": "b" * 40, "lfs": lfs}


def request(**kwargs):
    return ModelSource(kind="hub", location="some/tiny-GGUF", **kwargs)


def test_commit_file_and_digest_are_pinned(hub, phase):
    source = prepare_source(request(), phase)
    assert (source.version, source.file) == (COMMIT, FILE)
    assert sha256_of(local_path(source)) == source.sha256
    assert COMMIT in str(local_path(source))


def test_a_cut_transfer_goes_on(hub, phase):
    hub.cuts = [None, 50_000]
    source = prepare_source(request(), phase)
    ranges = [r for path, r, _ in hub.requests if "/resolve/" in path]
    assert ranges == [None, "bytes=50000-"]
    assert sha256_of(local_path(source)) == source.sha256


def test_another_content_than_the_hub_states_is_refused(hub, phase, gguf):
    hub.files[f"/some/tiny-GGUF/resolve/{COMMIT}/{FILE}"] = gguf(32768)
    with pytest.raises(ConfigError, match="another content"):
        prepare_source(request(), phase)


def test_the_token_is_sent_and_never_kept(hub, phase, monkeypatch, home):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    prepare_source(request(), phase)
    assert {authorization for _, _, authorization in hub.requests} == {"Bearer hf_secret"}
    assert not [p for p in home.rglob("*") if p.is_file() and b"hf_secret" in p.read_bytes()]


def test_without_network_what_was_fetched_before_is_served(hub, phase, monkeypatch):
    before = prepare_source(request(), phase)
    _go_offline(monkeypatch)
    assert prepare_source(request(), phase) == before
    assert any("as fetched before" in notice for notice in phase.notices)


def test_without_network_and_cache_it_says_what_else_works(phase, monkeypatch):
    _go_offline(monkeypatch)
    with pytest.raises(UnreachableError, match="hub does not answer") as caught:
        prepare_source(request(), phase)
    assert "--model /path/to/file.gguf" in caught.value.hint


def _go_offline(monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (403, "GatedRepo", (CredentialsError, "is gated")),
        (404, "RepoNotFound", (ConfigError, "has no model some/tiny-GGUF")),
        (404, "RevisionNotFound", (ConfigError, "has no revision v9")),
        (401, "", (CredentialsError, "answered 401: the token is missing or wrong")),
        (503, "", (UnreachableError, "answered 503")),
    ],
)
def test_refusals_of_the_hub_say_what_to_do(server, monkeypatch, status, code, told):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    path = "/api/models/some/tiny-GGUF/revision/v9"
    server.answers = {path: (status, {"X-Error-Code": code})}
    with pytest.raises(told[0], match=told[1]) as caught:
        resolve(request(version="v9"))
    assert caught.value.hint


def test_the_only_file_or_the_only_q4_k_m_is_meant():
    assert choose("r", ["a.gguf"], None) == "a.gguf"
    assert choose("r", ["a.Q8_0.gguf", "a.q4_k_m.gguf"], None) == "a.q4_k_m.gguf"
    assert choose("r", ["a.gguf", "b.gguf"], "b.gguf") == "b.gguf"


@pytest.mark.parametrize(("files", "wanted"), [(["a.gguf", "b.gguf"], None), (["a.gguf"], "c.gguf")])
def test_a_choice_that_is_the_users_lists_the_files(files, wanted):
    with pytest.raises(ConfigError) as caught:
        choose("r", files, wanted)
    assert "a.gguf" in caught.value.hint


def test_a_repository_without_gguf():
    with pytest.raises(ConfigError, match="no GGUF file"):
        choose("mistralai/Mistral-7B-v0.1", [], None)
