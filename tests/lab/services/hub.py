"""A stand-in for huggingface.co, as far as a client that downloads a model sees it.

Repositories lie below a folder, with `repositories.json` saying what is gated. It has the API's description of a
repository, files by revision with the hub's headers, the redirect of large files to another address, ranges, and the
hub's error codes. What it leaves out: Xet, private repositories, branches other than main, uploads, rate limits.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from lab.services.handler import Handler

ROOT = Path("/srv/hub")
LARGE = 10 * 1024 * 1024
"""Bytes from which a file is one of the large ones, kept by SHA-256 elsewhere."""
MEMBER = "hf_labmember"
"""Token of somebody who may read the gated repositories."""
STRANGER = "hf_labstranger"
"""Token of somebody who may not."""
TOKENS = {MEMBER: "member", STRANGER: "stranger"}

_API = re.compile(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?")
_RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_CDN = re.compile(r"/cdn/([^/]+/[^/]+)/([^/]+)")


@dataclass(frozen=True)
class Entry:
    """One file of a repository."""

    name: str
    path: Path
    size: int
    sha256: str
    git: str
    """Git's blob id, which is the ETag of a small file."""

    @property
    def large(self) -> bool:
        """Whether it is kept by SHA-256."""
        return self.size >= LARGE


@dataclass(frozen=True)
class Repository:
    """One repository; all its revisions are the same."""

    id: str
    gated: bool
    files: dict[str, Entry]

    @property
    def commit(self) -> str:
        """A commit id that is the hash of the content."""
        content = "".join(f"{entry.name} {entry.sha256}\n" for entry in self.files.values())
        return hashlib.sha1(f"{self.id}\n{content}".encode(), usedforsecurity=False).hexdigest()


@cache
def repositories() -> dict[str, Repository]:
    """All repositories, by lower-case name, read once."""
    found = {}
    for name, about in json.loads((ROOT / "repositories.json").read_text()).items():
        files = {file: _entry(file, ROOT / path) for file, path in about["files"].items()}
        found[name.lower()] = Repository(name, about["gated"], files)
    return found


@cache
def _hashes(path: Path) -> tuple[str, str]:
    data = path.read_bytes()
    git = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
    return hashlib.sha256(data).hexdigest(), git.hexdigest()


def _entry(name: str, path: Path) -> Entry:
    return Entry(name, path, path.stat().st_size, *_hashes(path))


class HubHandler(Handler):
    """Answers for huggingface.co."""

    def service(self) -> str:
        """Faults for the hub."""
        return "hub"

    def answer(self) -> None:
        """Describe a repository, or give a file."""
        path = unquote(urlsplit(self.path).path)
        user = self._user()
        if user == "":
            return self._error(401, None, "Invalid credentials in Authorization header")
        if path == "/api/whoami-v2":
            return self.whole(*((200, _json({"name": user, "type": "user"})) if user else (401, b"{}")))
        for pattern, action in ((_API, self._describe), (_RESOLVE, self._resolve), (_CDN, self._file)):
            if found := pattern.fullmatch(path):
                return action(*found.groups())
        return self._error(404, None, "Sorry, we can't find the page you are looking for.")

    def _user(self) -> str | None:
        """Whose token it is; None without one, empty when it is nobody's."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return TOKENS.get(token, "") if token else None

    def _repository(self, name: str, revision: str | None) -> Repository | None:
        repository = repositories().get(name.lower())
        if repository is None:
            # The hub does not say to strangers what exists.
            self._error(404 if self._user() else 401, "RepoNotFound", "Repository not found")
        elif revision not in {None, "main", repository.commit}:
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        else:
            return repository
        return None

    def _describe(self, name: str, revision: str | None) -> None:
        if repository := self._repository(name, revision):
            blobs = "blobs" in parse_qs(urlsplit(self.path).query)
            body = {
                "_id": repository.commit[:24],
                "id": repository.id,
                "modelId": repository.id,
                "sha": repository.commit,
                "private": False,
                "gated": "manual" if repository.gated else False,
                "disabled": False,
                "downloads": 0,
                "likes": 0,
                "tags": ["transformers", "safetensors", "text-generation", "region:us"],
                "pipeline_tag": "text-generation",
                "library_name": "transformers",
                "createdAt": "2023-10-26T11:25:49.000Z",
                "lastModified": "2023-10-26T11:25:49.000Z",
                "siblings": [_sibling(entry, blobs) for entry in repository.files.values()],
            }
            self.whole(200, _json(body), {"Content-Type": "application/json; charset=utf-8"})

    def _resolve(self, name: str, revision: str, file: str) -> None:
        repository = self._repository(name, revision)
        if repository is None:
            return None
        user = self._user()
        if repository.gated and user != TOKENS[MEMBER]:
            text = f"Access to model {repository.id} is restricted."
            return self._error(401 if user is None else 403, "GatedRepo", text)
        entry = repository.files.get(file)
        if entry is None:
            return self._error(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": repository.commit})
        headers = {"X-Repo-Commit": repository.commit, "Accept-Ranges": "bytes"}
        if not entry.large:
            return self._give(entry, {**headers, "ETag": f'"{entry.git}"'})
        linked = {"X-Linked-Size": str(entry.size), "X-Linked-Etag": f'"{entry.sha256}"', "ETag": f'"{entry.sha256}"'}
        place = f"http://{self.headers['Host']}/cdn/{repository.id}/{entry.name}"
        return self.whole(302, b"", {**headers, **linked, "Location": place})

    def _file(self, name: str, file: str) -> None:
        # As with the hub's signed addresses, whoever was sent here may read.
        if (repository := self._repository(name, None)) and (entry := repository.files.get(file)):
            self._give(entry, {"ETag": f'"{entry.sha256}"', "Accept-Ranges": "bytes"})
        elif repository:
            self._error(404, "EntryNotFound", "Entry not found")

    def _give(self, entry: Entry, headers: dict[str, str]) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, end = (int(asked[1]), int(asked[2] or entry.size - 1)) if asked else (0, entry.size - 1)
        end = min(end, entry.size - 1)
        if asked and start >= entry.size:
            return self.whole(416, b"", {"Content-Range": f"bytes */{entry.size}"})
        if asked:
            headers["Content-Range"] = f"bytes {start}-{end}/{entry.size}"
        length = end - start + 1
        self.begin(206 if asked else 200, {**headers, "Content-Length": str(length)})
        if self.command != "HEAD":
            with entry.path.open("rb") as source:
                source.seek(start)
                self.content(source, length)
        return None

    def _error(self, status: int, code: str | None, message: str, more: dict[str, str] | None = None) -> None:
        headers = {"X-Error-Message": message, "Content-Type": "application/json", **(more or {})}
        self.whole(status, _json({"error": message}), headers | ({"X-Error-Code": code} if code else {}))


def _sibling(entry: Entry, blobs: bool) -> dict[str, object]:
    about: dict[str, object] = {"rfilename": entry.name}
    if blobs:
        about |= {"size": entry.size, "blobId": entry.git}
        if entry.large:
            about["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": 134}
    return about


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
