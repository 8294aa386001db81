"""Bring one deployment on this node to a release: ship, switch, keep the old one serving if the new one fails.

Whatever instant this is cut off at, what runs goes on running, and the next call puts right what is half done:
`_settle` looks at what is there, and the switch is written down only once the new release generates.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import docker, units
from zephyr_deploy.agent.engine import Engine
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.fetch import Fetch, raise_worst
from zephyr_deploy.agent.gateway import Gateway
from zephyr_deploy.agent.health import GENERATE_S
from zephyr_deploy.agent.layout import DATA, Layout, is_front
from zephyr_deploy.agent.store import Store
from zephyr_deploy.agent.transfer import STALL_S
from zephyr_deploy.agent.working import locked

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.agent.report import Report


RESTORE_S = 900.0
"""How long the old release may take to serve again, in seconds, however little time the new one was given."""
ANSWER_S = 10.0
"""Longest wait for an engine's word on its health, in seconds."""
HUNG_GRACE_S = 5.0
"""How long an engine that does not even answer for its health may take to end, in seconds; then it is killed."""
SEEN_S = 2.5
"""Until the gateway has seen that an engine is there; its health checks are 2 s apart."""
SHOWN = 40
"""Characters of a setting that are shown."""


class Apply:
    """One call of ``apply``; the request is described in `zephyr_deploy.release.request`."""

    def __init__(self, request: dict[str, Any], report: Report) -> None:
        self.request = request
        self.report = report
        self.release = str(request["release"])
        self.who: dict[str, Any] = request["who"]
        self.layout = Layout(request["name"])
        self.store = Store(self.layout)
        self.gateway = Gateway(self.layout)
        self.slots = self.gateway.slots
        self.files: dict[str, str] = {}
        self.about: dict[str, Any] = {}
        self.trial: dict[str, Any] = {}
        """What is written down with the release that serves, where it is to be judged; see `_on_trial`."""

    def run(self) -> dict[str, Any]:
        """Do it; what came of it.

        Raises:
            NodeError: it could not be done; the release that served before serves.
            GoneError: nobody listens, and nothing was switched yet.
        """
        wait_s = float(self.request.get("lock_wait_s", 0))
        with locked(self.store, self.who, wait_s, verb="apply", wanted=self.release, report=self.report):
            return self.bring()

    def bring(self) -> dict[str, Any]:
        """The same, for one who holds the lock."""
        self.files = self.request.get("files") or self.store.files(self.release)
        if "release.json" not in self.files:
            raise NodeError("config", f"the node has no release {self.release}", "See `zephyr-deploy releases`.")
        self.about = json.loads(self.files["release.json"])
        if is_front(self.store.about(self.store.current)):
            said = f"the machine is the gateway of {self.layout.name}, and no node"
            raise NodeError("config", said, "Take that off it first.")
        old = self._settle()
        self.gateway.require_ports(self.about, self.store.about(old) if old else {})
        if self._is_served(old):
            return self._result("changed" if self._front() else "unchanged", old)
        self._require_place(old)
        self._ship()
        self.report.check()
        with self.report.to_the_end():
            self._switch(old)
        self._prune()
        return self._result("changed", old)

    def _result(self, outcome: str, old: str) -> dict[str, Any]:
        return {"outcome": outcome, "release": self.release, "before": old, "api_key": self.gateway.api_key()}

    def _engine(self, release: str) -> Engine:
        about = self.about if release == self.release else self.store.about(release)
        return Engine(self.layout, release, about)

    def _settle(self) -> str:
        """Take away engines that do not serve, which a call that was cut off may have left; the one that does."""
        current = self.store.current
        for release in units.installed(self.layout):
            if release != current:
                self.report.notice(f"An earlier call was cut off: stopping its release {release}.")
                self._take_away(self._engine(release))
        self.slots.open_all()
        return current

    def _is_served(self, old: str) -> bool:
        """Whether this release's engine serves already; what is in front of it may lack."""
        engine = self._engine(old)
        if old != self.release or not engine.active:
            return False
        return not engine.why_not(self._broken_s) or self._came_up(engine)

    def _came_up(self, engine: Engine) -> bool:
        """Whether an engine that still loads its model, as after a boot, generates in the time that is left to it."""
        left = float(self.request["ready_s"]) - engine.uptime_s
        if left <= 0 or not engine.loads:
            return False
        with self.report.phase("ready", "Wait for the engine, which loads its model") as phase:
            engine.follow()
            try:
                engine.wait_ready(self.report, phase, {**self.request, "ready_s": left})
            except NodeError as error:
                self.report.check()
                phase.state, phase.detail = "failed", error.message
                return False
        return True

    @property
    def _broken_s(self) -> float:
        """How long a generation may take before its engine counts as broken."""
        return float(self.request.get("broken_s", GENERATE_S))

    def _grace_s(self, engine: Engine) -> float | None:
        """How long an engine may take to end its requests: as long as it likes to, unless it answers nothing at all."""
        return None if engine.answers(min(ANSWER_S, self._broken_s)) else HUNG_GRACE_S

    def _require_place(self, old: str) -> None:
        """See that nobody else has the ports of the new engine's place; the old one may, and leaves it."""
        engine = self._engine(old)
        place = self._place(self._serving(old))
        if not (engine.port == place and engine.active):
            self.slots.require_free(place, int(self.about.get("ports", 1)))

    def _place(self, before: Engine | None) -> int:
        """Where the new engine is to listen: beside the one that it replaces."""
        return self.slots.other(before.port if before else 0)

    def _front(self) -> bool:
        """Bring key and gateway of a release that serves up to date; whether anything had to be done."""
        key = self._api_key()
        if key == self.gateway.api_key() and self.gateway.running:
            self.gateway.install(self.files)
            return False
        with self.report.phase("gateway", "Gateway and key"), self.report.to_the_end():
            self.gateway.keep_secret(key)
            self.gateway.install(self.files)
        return True

    def _api_key(self) -> str:
        """The key that callers shall need; empty where the release asks for none.

        One that another's call has brought since this one looked stays: there are callers by now who have it. Unless
        the user has said which it shall be.
        """
        if not self.about["api_key"]:
            return ""
        wanted, now = str(self.request.get("api_key") or ""), self.gateway.api_key()
        if now and now != self.request.get("seen_key") and not self.request.get("given_key"):
            return now
        return wanted or now

    def _ship(self) -> None:
        """Files, image and weights; the last two side by side."""
        self.store.write_release(self.release, self.files)
        errors: list[BaseException | None] = []

        def guarded(work: Callable[[], None]) -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that called
                errors.append(error)
                self._fetch.stop()

        with self.report.phase("weights", "Weights") as weights:
            token = str(self.request.get("hf_token") or "")
            stall_s = float(self.request.get("stall_s", STALL_S))
            self._fetch = Fetch(self.about["model"], DATA, token, self.report, weights, stall_s=stall_s)
            images = threading.Thread(target=guarded, args=(self._images,), name="images")
            images.start()

            def fetch() -> None:
                if not self._fetch.run():
                    weights.unchanged("here already")

            guarded(fetch)
            if not errors:
                weights.detail = (
                    weights.detail or f"{sum(f['size'] for f in self.about['model']['files']) / 1e9:.2f} GB"
                )
            else:
                weights.state = "failed"
        images.join()
        raise_worst(errors)

    def _images(self) -> None:
        with self.report.phase("image", "Image") as phase:
            stall_s = float(self.request.get("stall_s", STALL_S))
            docker.pull_missing(self.about["images"], self._fetch.check, phase, stall_s)

    def _switch(self, old: str) -> None:
        new, before = self._engine(self.release), self._serving(old)
        if before is None and old == self.release and new.active:  # It is there, and does not work.
            with self.report.phase("drain", "Stop the engine, which does not work"):
                new.stop(self._grace_s(new))
        self._open_gateway(new, before)
        try:
            if before is not None and not self.about.get("overlap"):
                self._drained(new, before)
            else:
                self._side_by_side(new, before)
        except NodeError:
            self._gateway_back_to(old)
            raise
        self.gateway.keep_secret(self._api_key())
        self._commit(new, before, old)

    def _commit(self, new: Engine, before: Engine | None, old: str) -> None:
        """Write down what serves: here, and for systemd, which starts at a boot what was written down last."""
        self.trial = self._on_trial(old)
        self.store.set_current(self.release, self.trial)
        units.enable(new.unit)
        if before is not None:
            units.remove([before.unit])
        facts = {"trial": True} if self.trial else {}
        self.store.note(self.release, "active", self.who, before=old, changes=self._changes(old), **facts)

    def _on_trial(self, old: str) -> dict[str, Any]:
        """What there is to go back to where it is judged: the last release that was good, and not one on trial, too.

        An engine of the same release that is started anew was judged before, or still has to be; and one that is gone
        back to is that which others are held against.
        """
        pending = self.store.trial
        if old == self.release:
            return pending
        before = str(pending.get("before", old))
        if not self.request.get("trial") or before == self.release:
            return {}
        return {"before": before, "who": self.who, "at": time.time()}

    def _serving(self, old: str) -> Engine | None:
        """The engine that is to be replaced, whether it runs just now or not; None where it is of this release."""
        before = self._engine(old) if old and old != self.release else None
        return before if before is not None and before.installed else None

    def _gateway_back_to(self, old: str) -> None:
        """The gateway as the old release wants it, which serves again; none where there is no old one."""
        with suppress(NodeError):  # The error that led here is the one to tell.
            if old and old != self.release:
                self.gateway.install(self.store.files(old))
            elif not old:
                self.gateway.remove()

    def _changes(self, old: str) -> list[str]:
        """What differs from the release before, by setting."""
        before, now = self.store.about(old).get("settings", {}) if old else {}, self.about.get("settings", {})
        keys = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
        return [f"{key}: {_short(before.get(key))} -> {_short(now.get(key))}" for key in keys] if before else []

    def _open_gateway(self, new: Engine, before: Engine | None) -> None:
        """Where it fails, leave nothing of the new release, and nothing at all where it is the first."""
        try:
            with self.report.phase("gateway", "Gateway"):
                if not self.gateway.api_key():  # Another key than before holds once its release serves.
                    self.gateway.keep_secret(self._api_key())
                new.install(self.files["engine.service"], self._place(before))
                self.gateway.install(self.files)
        except NodeError:
            self._take_away(new)
            if before is None:
                self.gateway.remove()
            raise

    def _side_by_side(self, new: Engine, before: Engine | None) -> None:
        """Start the new one beside the old one, if there is one; take that away when the new one generates."""
        self._started(new)
        if before is not None:
            time.sleep(SEEN_S)
            self._drain(before)

    def _drained(self, new: Engine, before: Engine) -> None:
        """Let the old one end its requests while new ones wait, then start the new one in its place."""
        self._drain(before)
        try:
            self._started(new)
        except NodeError as error:
            self._back_to(before, error)
            raise

    def _drain(self, engine: Engine) -> None:
        with self.report.phase("drain", "Let the old release end its requests"):
            grace_s = self._grace_s(engine)
            if not self.slots.close(engine.port):
                self.report.notice("iptables cannot refuse connections: one that comes just now may be cut.", "warning")
            engine.stop(grace_s)
            self.slots.open_all()

    def _started(self, engine: Engine) -> None:
        with self.report.phase("ready", "Load the model and answer") as phase:
            engine.start()
            try:
                engine.wait_ready(self.report, phase, self.request)
            except NodeError as error:
                self.store.note(engine.release, "failed", self.who, cause=error.message)
                self._take_away(engine)
                raise

    def _back_to(self, before: Engine, error: NodeError) -> None:
        """Start the old one again; how that went is added to ``error``, which stays the cause of it all."""
        patient = {**self.request, "ready_s": max(float(self.request["ready_s"]), RESTORE_S)}
        try:
            with self.report.phase("restore", "Start the old release again") as phase:
                before.start()
                if not self.report.dismissed:  # Else whoever took over looks after it.
                    before.wait_ready(self.report, phase, patient)
        except NodeError as second:
            error.message += f"; and {second.message}, which served before"
        else:
            error.message += f"; release {before.release} serves again"

    def _take_away(self, engine: Engine) -> None:
        engine.stop(self._grace_s(engine))
        units.remove([engine.unit])

    def _prune(self) -> None:
        gone = self.store.prune({self.release, str(self.trial.get("before", ""))})
        if gone:
            self.report.notice(f"Old releases were deleted from the node: {', '.join(gone)}.")


def _short(value: object) -> str:
    """A setting in a word; a digest by its beginning."""
    text = "unset" if value is None else str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def apply(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """See `Apply`."""
    return Apply(request, report).run()


def rollback(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """``apply`` for the release that served last before the present one.

    Raises:
        NodeError: as `Apply.run`; there is none.
    """
    store = Store(Layout(request["name"]))
    wanted = str(request.get("release") or store.last_good(store.current))
    if not wanted:
        raise NodeError(
            "config", f"{request['name']} has no earlier release on this node", "See `zephyr-deploy releases`."
        )
    return Apply({**request, "release": wanted, "files": None}, report).run()
