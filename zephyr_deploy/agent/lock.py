"""Locks of a deployment on its node: one that each call takes which changes something, and one that a run holds.

Both are the kernel's (``flock``) and go with the process that has them, however that ends. A folder made as a lock
would outlive its maker: a runner that was killed would lock everybody out until somebody looked.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent.errors import NodeError, of_disk
from zephyr_deploy.agent.files import get_json, put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.agent.layout import Layout
    from zephyr_deploy.agent.report import Report

TAKE_OVER_S = 2400.0
"""How long a call that was cut off may take to end: within its switch it goes on until the model answers."""
UNCLEAR_S = 1.0
"""How long it may be unclear who holds the lock: between taking it and the note on it, and between its end and ours."""


class Lock:
    """One lock.

    Args:
        path: The file that is locked; the note beside it (``.json``) only tells others who holds it.
        name: Of the deployment, for messages.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.note = path.with_suffix(".json")
        self.name = name

    @contextmanager
    def held(
        self,
        who: dict[str, Any],
        wait_s: float,
        *,
        wanted: str = "",
        report: Report | None = None,
        passing: bool = False,
    ) -> Iterator[bool]:
        """Hold it while the body runs; whether it had to be waited for.

        A holder of the same ``origin`` (one state folder of one user's machine) is a call whose connection was cut:
        on that machine only one call at a time works on a deployment. It is asked to end, and followed: with SIGTERM,
        which ends it before its switch, where it brings the same release; with SIGUSR1, which has it take back its
        switch, where something else is wanted now.

        Args:
            who: Who asks; see `zephyr_deploy.deploy.origin.who`.
            wait_s: How long to wait for another origin, in seconds.
            wanted: The release that is to serve; empty where none is.
            report: Told whom it waits for; asked whether anybody listens still.
            passing: Delete the file at the end: whoever waits for it notices, and makes another.

        Raises:
            NodeError: another origin holds it after ``wait_s`` seconds; the message says who.
            GoneError: nobody listens any more, and it would have to wait.
        """
        wish = _Wish(who, wait_s, wanted, report)
        descriptor = self._taken(wish)
        try:
            with suppress(NodeError):  # The disk may be full, and `down` must work all the same.
                about = {**who, "pid": os.getpid(), "since": time.time(), "at": time.monotonic(), "release": wanted}
                put(self.note, json.dumps(about), 0o600)
            yield wish.waited
        finally:
            for path in (self.note, *((self.path,) if passing else ())):
                with suppress(OSError):
                    path.unlink()
            os.close(descriptor)

    def passed(self, who: dict[str, Any], wait_s: float, *, wanted: str, report: Report) -> bool:
        """Wait until nobody has it, without leaving anything behind; whether anybody had. See `held`."""
        try:
            descriptor = os.open(self.path, os.O_RDWR)
        except FileNotFoundError:
            return False
        wish = _Wish(who, wait_s, wanted, report)
        try:
            self._take(descriptor, wish)
        finally:
            os.close(descriptor)
        return wish.waited

    def holder(self) -> dict[str, Any]:
        """Who holds it now, as the note says; empty if nobody does."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except OSError:
            return {}
        try:
            pid = holder_of(descriptor)
        finally:
            os.close(descriptor)
        note = get_json(self.note)
        return note if pid is not None and isinstance(note, dict) and note.get("pid") == pid else {}

    def _taken(self, wish: _Wish) -> int:
        """The open lock file, locked; one that was deleted meanwhile (by `down`) is opened anew."""
        path = self.path
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
                holder = get_json(self.note) or {}
            wish.waited = True
            pid, now = holder_of(descriptor), time.monotonic()
            mine = False
            if pid is not None and holder.get("pid") == pid:
                clear_at, mine = now, holder.get("origin") == wish.who["origin"]
                wish.wait_for(pid, holder)
            longest = max(wish.wait_s, TAKE_OVER_S) if mine else wish.wait_s
            if now - start > longest and (clear_at == now or now - clear_at > UNCLEAR_S):
                raise locked(self.name, holder, now - start)
            wish.check()
            time.sleep(0.1)


class _Wish:
    """Who wants a lock and for what; see `Lock.held`."""

    def __init__(self, who: dict[str, Any], wait_s: float, wanted: str, report: Report | None) -> None:
        self.who, self.wait_s = who, wait_s
        self.waited = False
        """Whether somebody else had it."""
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


def run_lock(layout: Layout) -> Lock:
    """The lock of a run, which its hold keeps; see `zephyr_deploy.agent.hold`."""
    return Lock(layout.run_lock, layout.name)


def refuse_another(layout: Layout, who: dict[str, Any]) -> None:
    """See that no other run holds the node than the one whose call this is.

    One that was let go by force, or was silent for too long, may still be at work somewhere: its next call ends here.

    Raises:
        NodeError: another run holds it; the message says whose.
    """
    holder = run_lock(layout).holder()
    if holder and holder.get("run") != who.get("run"):
        raise locked(layout.name, holder, 0.0)


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
    job = f", {holder['job']}" if holder.get("job") else ""
    return f"{call} since {since} UTC{ago}{job}"


def locked(name: str, holder: dict[str, Any], waited_s: float) -> NodeError:
    """The error of a lock that another holds."""
    waited = f" (waited {waited_s:.0f} s)" if waited_s > 1 else ""
    hint = f"Wait for it with --lock-wait 5m; `zephyr-deploy lock show {name}` says more."
    return NodeError(
        "locked", f"deployment {name} is locked on the node by {whose(holder)}{waited}", hint, holder=holder
    )
