"""Fetches a file over HTTP so that nothing that has arrived is ever fetched twice."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

import httpx

from zephyr_deploy.errors import ConfigError, CredentialsError, UnreachableError
from zephyr_deploy.providers.local.weights.digest import sha256_of, size_of
from zephyr_deploy.providers.local.weights.room import disk_full_explained, require_room

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from zephyr_deploy.events import PhaseHandle

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""Longest silence within a transfer, and longest wait for a connection, in seconds."""
ATTEMPTS = 4
"""How often in a row a transfer may break without a single new byte."""
PAUSE_S = 0.5
"""Before the second attempt; doubled each time."""
CA_FILES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""Variables that name more certificate authorities, as pip, requests and OpenSSL read them."""


class Download:
    """One file on its way to ``part``, which holds what has arrived.

    Args:
        url: Where it is; may carry credentials, so it is never shown.
        part: The file that grows; it survives a broken transfer and is gone on with.
        headers: More request headers.
        reserve: Bytes that must be free besides the file itself.
        report: Is told the bytes that are there and the bytes that there will be (None: not known).
    """

    def __init__(
        self,
        url: str,
        part: Path,
        *,
        headers: Mapping[str, str] | None = None,
        reserve: int = 0,
        report: Callable[[int, int | None], None] = lambda _done, _total: None,
    ) -> None:
        self.url = url
        self.part = part
        self.headers = {"Accept-Encoding": "identity", **(headers or {})}
        self.reserve = reserve
        self.report = report

    def run(self, sha256: str | None) -> None:
        """Fetch what is missing of the file and check it.

        Raises:
            UnreachableError: the host does not answer, or breaks off again and again.
            CredentialsError: the host wants credentials.
            ConfigError: there is no such file, or it is not the one of that digest (and is deleted).
            CapacityError: it does not fit on the disk.
        """
        resumed = size_of(self.part) > 0
        if resumed and sha256 and sha256_of(self.part) == sha256:
            return
        self._fetch()
        if sha256 is None or (found := sha256_of(self.part)) == sha256:
            return
        self.part.unlink()
        if resumed:
            # The earlier half may be of another file, or spoilt by a crash: once more, from the beginning.
            self.run(sha256)
            return
        raise ConfigError(
            f"{self._host} sent a file of another content than expected (sha256 {found}, not {sha256})",
            hint="Try again later or through another mirror, or serve a file of your own: --model /path/to/file.gguf",
        )

    def _fetch(self) -> None:
        idle = 0
        with disk_full_explained(self.part.parent), _client() as client:
            while True:
                before = size_of(self.part)
                try:
                    if self._transfer(client, before):
                        return
                    cause = "it answered with a temporary error"
                except httpx.TransportError as error:
                    cause = str(error) or type(error).__name__
                idle = 0 if size_of(self.part) > before else idle + 1
                if idle == ATTEMPTS:
                    raise UnreachableError(
                        f"{self._host} cannot be reached: {cause}",
                        hint="Check the network, proxy (HTTPS_PROXY) or mirror; "
                        "without one: zephyr-deploy up --model /path/to/file.gguf",
                    )
                time.sleep(PAUSE_S * 2**idle)

    def _transfer(self, client: httpx.Client, have: int) -> bool:
        """Ask for what is missing and write it; whether the file is complete now."""
        ranges = {"Range": f"bytes={have}-"} if have else {}
        with client.stream("GET", self.url, headers={**self.headers, **ranges}) as response:
            status = response.status_code
            if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return self._nothing_missing(response, have)
            if status == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
                return False
            self._refuse(status)
            start = _start_of(response)
            if start not in {0, have}:
                self.part.unlink()
                return False
            self._write(response, start)
            return True

    def _write(self, response: httpx.Response, start: int) -> None:
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        require_room(self.part.parent, (total - start if total else 0) + self.reserve)
        done = start
        with self.part.open("r+b" if start else "wb") as file:
            file.seek(start)
            for chunk in response.iter_raw():  # as it comes: a filled-up buffer would be lost with the connection
                file.write(chunk)
                done += len(chunk)
                self.report(done, total)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())

    def _nothing_missing(self, response: httpx.Response, have: int) -> bool:
        """A 416 says how long the file is: we have it, or what we have is of another file."""
        if response.headers.get("Content-Range") == f"bytes */{have}":
            return True
        self.part.unlink()
        return False

    def _refuse(self, status: int) -> None:
        if status in {401, 403, 407}:
            raise CredentialsError(
                f"{self._host} refuses the download (HTTP {status})", hint="Check the credentials for that host."
            )
        if status >= httpx.codes.BAD_REQUEST:
            raise ConfigError(
                f"{self._host} does not have the file (HTTP {status})",
                hint="Check the model's name, or serve a file of your own: --model /path/to/file.gguf",
            )

    @property
    def _host(self) -> str:
        return httpx.URL(self.url).host


def bytes_of(phase: PhaseHandle) -> Callable[[int, int | None], None]:
    """A ``report`` that shows the transfer as the progress of ``phase``."""
    return lambda done, total: phase.progress(done, total, "bytes")


def _start_of(response: httpx.Response) -> int:
    """The first byte that an answer carries: 0 where the server sends the whole, whatever was asked."""
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        return 0
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else -1


def _client() -> httpx.Client:
    """A client that trusts what this system, pip and requests trust, and follows redirects."""
    trust = httpx.create_ssl_context()
    trust.load_default_certs()
    for path in filter(None, map(os.environ.get, CA_FILES)):
        if os.path.isfile(path):  # noqa: PTH113 - REQUESTS_CA_BUNDLE may be a folder
            trust.load_verify_locations(path)
    return httpx.Client(timeout=TIMEOUT, follow_redirects=True, verify=trust)
