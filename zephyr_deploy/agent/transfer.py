"""One file on its way from the hub to the node's disk: resumed, hashed as it comes, tried again where that may help."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from zephyr_deploy.agent.errors import NodeError, of_disk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TRIES = 6
"""How often it is tried again without getting further."""
CHUNK = 1 << 20
STALL_S = 180.0
"""How long a file may get no further, in seconds, whatever is tried."""
SILENCE_S = 30.0
"""A connection that brings nothing for this long is opened anew."""
SILENCES = 3
"""At least so many connections may be silent before the time is up."""
LONGEST_PAUSE_S = 8.0
RESUME_HINT = "Check the node's network, then run it again: it resumes."
PARTIAL = 206
REFUSED = (401, 403)
MISSING = (404, 410)
SERVER_ERROR = 500
TOO_MANY = 429


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows the hub to where the bytes are, without taking the token along to another host."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:  # noqa: PLR0917
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            following.remove_header("Authorization")
        return following


class Transfer:
    """One file.

    Args:
        url: Where it is.
        target: Where it comes to; what is incomplete stays beside it, with ``.incomplete`` behind its name.
        size: In bytes.
        blob: Its SHA-256 (64 hex digits), or the SHA-1 that git gives its content (40).
        headers: Of every request to the url's own host.
        check: Called between chunks; may raise to end the transfer.
        stall_s: How long it may get no further, in seconds.
    """

    def __init__(
        self,
        url: str,
        target: Path,
        size: int,
        blob: str,
        *,
        headers: dict[str, str],
        check: Callable[[], None],
        stall_s: float = STALL_S,
    ) -> None:
        self.url = url
        self.target = target
        self.part = target.with_name(target.name + ".incomplete")
        self.size = size
        self.blob = blob
        self.have = self._left_over()
        """Bytes that are here."""
        self._headers = headers
        self._check = check
        self._stall_s = stall_s
        self._most = self.have
        self._moved = time.monotonic()

    def run(self) -> None:
        """Bring it here whole.

        Raises:
            NodeError: refused, not there, no room, or the network failed again and again.
        """
        tries, self._moved = 0, time.monotonic()
        while True:
            before = self._most
            try:
                self._attempt()
            except urllib.error.HTTPError as error:
                error.close()
                tries += 1
                self._judge(error, last=self._is_last(tries))
            except (OSError, http.client.HTTPException) as error:
                # A line that breaks again and again still brings the file, a part each time.
                tries = 1 if self._most > before else tries + 1
                if self._is_last(tries):
                    often = f"{tries} tries" if tries > 1 else "one try"
                    said = (
                        f"{self.name} did not come whole from {self.host} in {often}: {error or type(error).__name__}"
                    )
                    raise NodeError("unreachable", said, RESUME_HINT) from error
            else:
                return
            self._pause(min(0.5 * 2**tries, LONGEST_PAUSE_S))

    def _is_last(self, tries: int) -> bool:
        """Whether there is no sense in trying again."""
        return tries >= TRIES or time.monotonic() - self._moved >= self._stall_s

    @property
    def host(self) -> str:
        """Who is asked for it."""
        return urlsplit(self.url).netloc

    @property
    def name(self) -> str:
        """The file as its address has it."""
        return self.url.rpartition("/")[2]

    def _left_over(self) -> int:
        try:
            return min(self.part.stat().st_size, self.size)
        except OSError:
            return 0

    def _judge(self, error: urllib.error.HTTPError, *, last: bool) -> None:
        """Raise unless trying again may help."""
        said = f"{self.host} answered {error.code} to {self.name}"
        if error.code in REFUSED:
            hint = "Accept the model's terms on its page, export HF_TOKEN on your machine, then run it again."
            raise NodeError("credentials", said, hint) from error
        if error.code in MISSING:
            raise NodeError("config", said, "Check model.id and model.revision.") from error
        if last or (error.code < SERVER_ERROR and error.code != TOO_MANY):
            raise NodeError("unreachable", said, "Run it again later: it resumes.") from error

    def _pause(self, seconds: float) -> None:
        until = min(time.monotonic() + seconds, self._moved + self._stall_s)
        while time.monotonic() < until:
            self._check()
            time.sleep(0.1)

    def _attempt(self) -> None:
        digest = self._hash_left_over()
        if self.have < self.size or not self.part.exists():
            digest = self._stream(digest)
        if self.have != self.size:
            raise http.client.HTTPException(f"{self.have} of {self.size} bytes came")
        if digest.hexdigest() != self.blob:
            self.part.unlink()
            self.have = 0
            raise http.client.HTTPException(f"what came has the digest {digest.hexdigest()}, not {self.blob}")
        self.part.replace(self.target)

    def _digest(self) -> Any:
        if len(self.blob) == 64:  # noqa: PLR2004 - hex digits of SHA-256
            return hashlib.sha256()
        return hashlib.sha1(f"blob {self.size}\0".encode())  # noqa: S324 - git's own name of the content

    def _hash_left_over(self) -> Any:
        digest, self.have = self._digest(), 0
        if self.part.exists() and self.part.stat().st_size <= self.size:
            with self.part.open("rb") as source:
                for chunk in iter(lambda: source.read(CHUNK), b""):
                    digest.update(chunk)
                    self.have += len(chunk)
        return digest

    def _stream(self, digest: Any) -> Any:
        headers = {**self._headers, **({"Range": f"bytes={self.have}-"} if self.have else {})}
        opener = urllib.request.build_opener(_Redirects)
        silence_s = min(SILENCE_S, self._stall_s / SILENCES)
        with opener.open(urllib.request.Request(self.url, headers=headers), timeout=silence_s) as response:
            if response.status != PARTIAL:  # it does not resume: from the start
                digest, self.have = self._digest(), 0
            with self.part.open("ab" if self.have else "wb") as target:
                for chunk in iter(lambda: response.read1(CHUNK), b""):  # what has come: a slow line fills none for long
                    self._check()
                    self._write(target, chunk)
                    digest.update(chunk)
                    self._came(len(chunk))
        return digest

    def _came(self, length: int) -> None:
        self.have += length
        if self.have > self._most:  # what is fetched a second time is no step forward
            self._most, self._moved = self.have, time.monotonic()

    def _write(self, target: Any, chunk: bytes) -> None:
        try:
            target.write(chunk)
            target.flush()
        except OSError as error:
            raise of_disk(error, f"{self.name} cannot be written", self.target, self.size - self.have) from error
