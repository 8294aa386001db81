"""Brings a model's files into the node's Hugging Face cache, several at once.

The layout is the hub library's (``hub/models--OWNER--NAME/{blobs,refs,snapshots}``), because TGI, vLLM and SGLang
find their weights in it with ``HF_HUB_OFFLINE=1``. TGI's router (hf-hub in Rust) looks a commit up under ``refs/``
too, so the commit gets a ref of its own name. Done here, and not in the engine's container, so that it runs while
the image is pulled; and so that the hub's token is in this process's memory alone.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from zephyr_deploy.agent.errors import FREE_IT, GoneError, NodeError, free_bytes, gigabytes, of_disk
from zephyr_deploy.agent.files import put
from zephyr_deploy.agent.layout import model_folder
from zephyr_deploy.agent.transfer import STALL_S, Transfer

if TYPE_CHECKING:
    from pathlib import Path

    from zephyr_deploy.agent.report import Phase, Report

AT_ONCE = 8
"""Files at a time: a 7B model has 8, and one stream does not fill a fast line."""
SPARE_BYTES = 1 << 30
"""What must be left on the disk when everything is there."""


class Fetch:
    """One model's files on their way.

    Args:
        model: ``repo``, ``commit``, ``endpoint`` and ``files``, each with ``path``, ``size`` in bytes and ``blob``,
            its name in the cache: the SHA-256 of an LFS file, git's SHA-1 of another.
        cache: ``HF_HOME``.
        token: The hub's; empty where there is none.
        report: Asked whether anybody listens.
        phase: Is told the bytes.
        stall_s: How long a file may get no further, in seconds.
    """

    def __init__(
        self,
        model: dict[str, Any],
        cache: Path,
        token: str,
        report: Report,
        phase: Phase,
        *,
        stall_s: float = STALL_S,
    ) -> None:
        self.model = model
        self.folder: Path = model_folder(cache, model["repo"])
        self._token = token
        self._report = report
        self._phase = phase
        self._stall_s = stall_s
        self._stop = threading.Event()

    def run(self) -> bool:
        """Fetch what is missing; whether anything was.

        Raises:
            NodeError: no room, refused, not there, or the network failed again and again.
            GoneError: nobody listens; what is here stays, and the next run goes on with it.
        """
        files = self.model["files"]
        missing = [file for file in files if not self._is_here(file)]
        if missing:
            self._make_folder()
            transfers = {file["blob"]: self._transfer(file) for file in missing}
            self._require_room(list(transfers.values()))
            here = sum(file["size"] for file in files) - sum(t.size for t in transfers.values())
            self._all(list(transfers.values()), here)
        self._link()
        return bool(missing)

    def stop(self) -> None:
        """End all transfers at their next chunk: what they are for will not be."""
        self._stop.set()

    def _all(self, transfers: list[Transfer], here: int) -> None:
        total = here + sum(t.size for t in transfers)

        def guarded(transfer: Transfer) -> None:
            try:
                transfer.run()
            except BaseException:
                self._stop.set()
                raise

        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fetch") as pool:
            running = [pool.submit(guarded, t) for t in sorted(transfers, key=lambda t: -t.size)]
            while not all(future.done() for future in running):
                self._phase.progress(here + sum(t.have for t in transfers), total)
                self._stop.wait(0.1)
        raise_worst([future.exception() for future in running])

    def _transfer(self, file: dict[str, Any]) -> Transfer:
        path = quote(file["path"])
        url = f"{self.model['endpoint']}/{self.model['repo']}/resolve/{self.model['commit']}/{path}"
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        how: dict[str, Any] = {"headers": headers, "check": self.check, "stall_s": self._stall_s}
        return Transfer(url, self._blob(file), file["size"], file["blob"], **how)

    def check(self) -> None:
        """See whether what is fetched is still wanted.

        Raises:
            GoneError: it is not, or nobody listens.
        """
        self._report.check()
        if self._stop.is_set():
            raise GoneError

    def _blob(self, file: dict[str, Any]) -> Path:
        blob: Path = self.folder / "blobs" / str(file["blob"])
        return blob

    def _is_here(self, file: dict[str, Any]) -> bool:
        blob = self._blob(file)
        return blob.is_file() and blob.stat().st_size == file["size"]

    def _make_folder(self) -> None:
        try:
            (self.folder / "blobs").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise of_disk(error, "the model's folder cannot be made") from error

    def _require_room(self, transfers: list[Transfer]) -> None:
        needed = sum(t.size - t.have for t in transfers)
        free = free_bytes(self.folder)
        if free < needed + SPARE_BYTES:
            message = (
                f"the node has {gigabytes(free)} free for {self.model['repo']}, "
                f"which needs {gigabytes(needed)} more and 1 GB to spare, at {self.folder}"
            )
            raise NodeError("capacity", message, FREE_IT, needed_bytes=needed + SPARE_BYTES, free_bytes=free)

    def _link(self) -> None:
        """Point snapshot and refs at the blobs, as the hub's library does."""
        snapshot = self.folder / "snapshots" / self.model["commit"]
        try:
            for file in self.model["files"]:
                link = snapshot / file["path"]
                link.parent.mkdir(parents=True, exist_ok=True)
                target = os.path.relpath(self._blob(file), link.parent)
                if link.is_symlink() and os.readlink(link) == target:
                    continue
                if link.is_symlink():
                    link.unlink()
                link.symlink_to(target)
        except OSError as error:
            raise of_disk(error, "the model's snapshot cannot be made") from error
        for ref in ("main", self.model["commit"]):
            put(self.folder / "refs" / ref, self.model["commit"])


def raise_worst(errors: list[BaseException | None]) -> None:
    """Raise the error that the others follow from: those that were only told to stop say `GoneError`."""
    found = [error for error in errors if error is not None]
    for error in sorted(found, key=lambda error: isinstance(error, GoneError)):
        raise error
