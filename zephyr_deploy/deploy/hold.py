"""Holds every machine of a deployment for a run, from its first change to its last.

Between the calls of a run its nodes are nobody's otherwise: another run could change what this one is about to measure.
Each machine has a process that holds a lock of its kernel's for as long as this one gives signs of life over the
connection (`zephyr_deploy.agent.hold`), so that a runner that was killed, or vanished, locks nobody out.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import GateError, LockedError, ZephyrError
from zephyr_deploy.node.lines import Signs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.deploy.fleet import Fleet, Member
    from zephyr_deploy.deploy.run import Run

SIGN_S = 5.0
"""Between two signs of life, in seconds; a node waits for a dozen of them."""
LONGEST_S = 24 * 3600.0
"""Longest that a run may hold a machine, in seconds."""
TOLD_S = 0.5
"""How long after a failure it may take to hear that the lock was let go, in seconds."""
END_S = 2.0
"""How long a machine may take to say that it is let go, in seconds: it lets go by itself."""


class Held:
    """The holds of one run."""

    def __init__(self) -> None:
        self.stale = False
        """Whether what was found before on a machine is old: another run had it, or it serves another by now."""
        self._holds: list[_Hold] = []

    def check(self) -> None:
        """See that every machine is held still.

        Raises:
            LockedError: one was let go by force, or for silence.
            UnreachableError: the connection was lost.
        """
        for hold in self._holds:
            hold.check()

    def taken_away(self) -> LockedError | None:
        """Why a machine is held no more though it can be reached; None: all are held, or the connection is lost.

        A call that is ended with its hold has no words of its own, and may be heard of first.
        """
        start = time.monotonic()
        while all(hold.error is None for hold in self._holds) and time.monotonic() - start < TOLD_S:
            time.sleep(TOLD_S / 20)
        return next((hold.error for hold in self._holds if isinstance(hold.error, LockedError)), None)

    def take(self, hold: _Hold) -> None:
        """Add one; see `_Hold.take`."""
        self._holds.append(hold)
        self.stale = hold.take() or self.stale


@contextmanager
def held(
    fleet: Fleet, run: Run, wait_s: float, members: Sequence[Member] | None = None, *, wanted: str = ""
) -> Iterator[Held]:
    """Hold the machines of a fleet for a run while the body works on them.

    The first of them, by their addresses, decides between two runs: it is taken before the others.

    Args:
        fleet: The machines, connected.
        run: Whose work it is.
        wait_s: How long to wait while another run holds one, in seconds.
        members: Only these.
        wanted: Id of the release that is to serve: a call of an earlier run that brings it may end its switch.

    Raises:
        LockedError: another run holds one still after that time; the message says who. Or one was let go meanwhile,
            which is then why the body failed.
        UnreachableError: a machine cannot be asked.
    """
    holds = Held()
    request = {"name": fleet.name, "who": run.who, "lock_wait_s": wait_s, "wanted": wanted}
    ordered = sorted(fleet.machines if members is None else members, key=lambda member: member.address.place)
    with ExitStack() as stack:

        def take(member: Member) -> None:
            hold = _Hold(member, request)
            stack.callback(hold.let_go)
            holds.take(hold)

        fleet.each(ordered[:1], take)
        fleet.each(ordered[1:], take)
        try:
            yield holds
        except GateError:  # A verdict was acted upon, and says of itself what came of it.
            raise
        except ZephyrError as error:
            taken = holds.taken_away()
            if taken is None or taken is error:
                raise
            raise taken from error


class _Hold:
    """That of one machine: a call that lasts, in a thread of its own."""

    def __init__(self, member: Member, request: dict[str, Any]) -> None:
        self._member, self._request = member, request
        self._signs = Signs(SIGN_S)
        self._settled = Event()
        self._word: dict[str, Any] = {}
        self.error: ZephyrError | None = None
        self._thread = Thread(target=self._keep, name=f"hold {member.name}", daemon=True)

    def take(self) -> bool:
        """Have it; whether what the last look found there is old.

        Raises:
            LockedError, UnreachableError: see `held`.
        """
        self._thread.start()
        self._settled.wait()
        self.check()
        return bool(self._word["waited"]) or self._word["current"] != self._seen

    def check(self) -> None:
        """See `Held.check`."""
        if self.error is not None:
            raise self.error

    def let_go(self) -> None:
        """End the signs of life, and with them the hold."""
        self._signs.end()
        if self._word:
            self._thread.join(END_S)

    def _keep(self) -> None:
        try:
            self._member.call("hold", self._request, on_line=self._have, deadline_s=LONGEST_S, signs=self._signs)
        except ZephyrError as error:
            self.error = error
        else:
            said = f"{self._member.name} heard nothing for too long, and let the lock of this run go"
            self.error = LockedError(said, hint="Run it again.")
        finally:
            self._settled.set()

    def _have(self, word: str) -> None:
        self._word = json.loads(word)
        self._settled.set()

    @property
    def _seen(self) -> str:
        """The release that the last look found there; what it had to find where there was none."""
        found = self._member.found
        if found is None:
            return str(self._word["current"])
        return found.front.release if found.front else found.service.release if found.service else ""
