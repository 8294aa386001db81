"""What a node remembers of one deployment, and the lock that lets one caller at a time change it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent.errors import NodeError, of_disk
from zephyr_deploy.agent.files import add_line, get_json, get_lines, put, put_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.agent.layout import Layout
    from zephyr_deploy.agent.report import Report

KEPT_RELEASES = 5
TAKE_OVER_S = 2400.0
"""How long a call that was cut off may take to end: within its switch it goes on until the model answers."""
UNCLEAR_S = 1.0
"""How long it may be unclear who holds the lock: between taking it and the note on it, and between its end and ours."""


class Store:
    """Releases, state and history of one deployment."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    @property
    def current(self) -> str:
        """Id of the release that serves, as far as was written; empty if none does."""
        state = get_json(self.layout.state)
        return str(state.get("current", "")) if isinstance(state, dict) else ""

    def set_current(self, release: str) -> None:
        """Write which release serves."""
        put_json(self.layout.state, {"current": release})

    def write_release(self, release: str, files: dict[str, str]) -> None:
        """Put the files of a release where its unit expects them."""
        for path, text in files.items():
            put(self.layout.release(release) / path, text, 0o755 if path.endswith(".sh") else 0o644)

    def files(self, release: str) -> dict[str, str]:
        """The files of a release as they are on the node; empty if it is not there."""
        folder = self.layout.release(release)
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes().decode(errors="replace") for path in paths}

    def has(self, release: str) -> bool:
        """Whether the release is on the node."""
        return (self.layout.release(release) / "release.json").is_file()

    def about(self, release: str) -> dict[str, Any]:
        """The release's own ``release.json``; empty if it is not there."""
        found = get_json(self.layout.release(release) / "release.json")
        return found if isinstance(found, dict) else {}

    def note(self, release: str, event: str, who: dict[str, Any], **facts: object) -> None:
        """Append to the history: which release, what came of it, who asked."""
        entry = {"at": time.time(), "release": release, "event": event, "who": who, **facts}
        add_line(self.layout.history, entry)

    def history(self) -> list[dict[str, Any]]:
        """Every entry, oldest first."""
        return [entry for entry in get_lines(self.layout.history) if isinstance(entry, dict)]

    def started(self, release: str) -> float:
        """When it began to serve, in seconds since 1970; now, where that is not known."""
        times = [float(e["at"]) for e in self.history() if e["release"] == release and e["event"] == "active"]
        return times[-1] if times else time.time()

    def note_figures(self, release: str, who: dict[str, Any], levels: list[Any]) -> None:
        """Append what a benchmark found of a release, as its caller gives it."""
        add_line(self.layout.measured, {"at": time.time(), "release": release, "who": who, "levels": levels})

    def figures(self) -> list[dict[str, Any]]:
        """What benchmarks found, oldest first."""
        return [entry for entry in get_lines(self.layout.measured) if isinstance(entry, dict)]

    def last_good(self, before: str) -> str:
        """The release that served last before ``before`` did and is still here; empty if there is none."""
        for entry in reversed(self.history()):
            if entry.get("event") == "active" and entry["release"] != before and self.has(entry["release"]):
                return str(entry["release"])
        return ""

    def prune(self, keep: set[str]) -> list[str]:
        """Delete the folders of old releases; which."""
        order: list[str] = []
        for entry in reversed(self.history()):
            if entry["release"] not in order:
                order.append(entry["release"])
        kept = keep | set(order[:KEPT_RELEASES])
        folders = [path for path in self.layout.releases.glob("*") if path.is_dir() and path.name not in kept]
        for folder in folders:
            shutil.rmtree(folder)
            with suppress(FileNotFoundError):
                (self.layout.ports / f"{folder.name}.env").unlink()
        return sorted(folder.name for folder in folders)

    @contextmanager
    def locked(
        self, who: dict[str, Any], wait_s: float, *, wanted: str = "", report: Report | None = None
    ) -> Iterator[None]:
        """Hold the deployment's lock on this node; it is the kernel's and goes with its holder.

        A holder of the same ``origin`` (one state folder of one user's machine) is a call whose connection was cut:
        on that machine only one call at a time works on a deployment. It is asked to end, and followed: with SIGTERM,
        which ends it before its switch, where it brings the same release; with SIGUSR1, which has it take back its
        switch, where something else is wanted now.

        Args:
            who: Who asks; see `zephyr_deploy.deploy.origin.who`.
            wait_s: How long to wait for another origin, in seconds.
            wanted: The release that is to serve; empty where none is.
            report: Told whom it waits for; asked whether anybody listens still.

        Raises:
            NodeError: another origin holds it after ``wait_s`` seconds; the message says who.
            GoneError: nobody listens any more, and it would have to wait.
        """
        note = self.layout.lock.with_suffix(".json")
        descriptor = self._taken(_Wish(who, wait_s, wanted, report))
        try:
            with suppress(NodeError):  # The disk may be full, and `down` must work all the same.
                about = {**who, "pid": os.getpid(), "since": time.time(), "at": time.monotonic(), "release": wanted}
                put(note, json.dumps(about), 0o600)
            yield
        finally:
            with suppress(OSError):
                note.unlink()
            os.close(descriptor)

    def work(self) -> dict[str, Any]:
        """Who works on the deployment on this node now, as its lock tells; empty if nobody does."""
        try:
            descriptor = os.open(self.layout.lock, os.O_RDONLY)
        except OSError:
            return {}
        try:
            pid = holder_of(descriptor)
        finally:
            os.close(descriptor)
        note = get_json(self.layout.lock.with_suffix(".json"))
        return note if pid is not None and isinstance(note, dict) and note.get("pid") == pid else {}

    def _taken(self, wish: _Wish) -> int:
        """The open lock file, locked; one that a `down` deleted meanwhile is opened anew."""
        path = self.layout.lock
        while True:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise of_disk(error, "the deployment's folder cannot be made") from error
            try:
                self._take(descriptor, wish)
                if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _take(self, descriptor: int, wish: _Wish) -> None:
        start = clear_at = time.monotonic()
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = get_json(self.layout.lock.with_suffix(".json")) or {}
            pid, now = holder_of(descriptor), time.monotonic()
            mine = False
            if pid is not None and holder.get("pid") == pid:
                clear_at, mine = now, holder.get("origin") == wish.who["origin"]
                wish.wait_for(pid, holder)
            longest = max(wish.wait_s, TAKE_OVER_S) if mine else wish.wait_s
            if now - start > longest and (clear_at == now or now - clear_at > UNCLEAR_S):
                raise locked(self.layout.name, holder, now - start)
            wish.check()
            time.sleep(0.1)


class _Wish:
    """Who wants a lock and for what; see `Store.locked`."""

    def __init__(self, who: dict[str, Any], wait_s: float, wanted: str, report: Report | None) -> None:
        self.who, self.wait_s = who, wait_s
        self._wanted, self._report = wanted, report
        self._met: set[int] = set()

    def check(self) -> None:
        """See whether anybody waits still.

        Raises:
            GoneError: nobody does.
        """
        if self._report is not None:
            self._report.check()

    def wait_for(self, pid: int, holder: dict[str, Any]) -> None:
        """Tell whom it waits for, once; and where that is a call that was cut off, tell it what is expected of it."""
        if pid in self._met:
            return
        self._met.add(pid)
        if holder.get("origin") == self.who["origin"]:
            self._tell(
                f"An earlier `{holder.get('command', '?')}` from here was cut off and still works; waiting for its end."
            )
            self._ask_to_end(pid, holder)
        elif self.wait_s:
            self._tell(f"Waiting for {whose(holder)}.")

    def _tell(self, message: str) -> None:
        if self._report is not None:
            self._report.notice(message)

    def _ask_to_end(self, pid: int, holder: dict[str, Any]) -> None:
        same = bool(self._wanted) and holder.get("release") == self._wanted
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM if same else signal.SIGUSR1)


def holder_of(descriptor: int) -> int | None:
    """Process that holds the lock on an open file, by the kernel's own table (proc(5), /proc/locks)."""
    inode = str(os.fstat(descriptor).st_ino)
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if len(words) > 5 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode:  # noqa: PLR2004 - columns
            return int(words[4])
    return None


def whose(holder: dict[str, Any]) -> str:
    """Who holds a lock, for people; how long is told too, for the clocks of two machines may differ."""
    since = time.strftime("%H:%M:%S", time.gmtime(holder.get("since", 0)))
    ago = f" ({time.monotonic() - holder['at']:.0f} s ago)" if "at" in holder else ""
    call = f"`{holder.get('command', '?')}` of {holder.get('user', '?')} on {holder.get('machine', '?')}"
    return f"{call} since {since} UTC{ago}"


def locked(name: str, holder: dict[str, Any], waited_s: float) -> NodeError:
    """The error of a lock that another holds."""
    waited = f" (waited {waited_s:.0f} s)" if waited_s > 1 else ""
    hint = "Wait for it with --lock-wait 5m."
    return NodeError(
        "locked", f"deployment {name} is locked on the node by {whose(holder)}{waited}", hint, holder=holder
    )
