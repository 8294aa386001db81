"""What a node remembers of one deployment."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent.files import add_line, get_json, get_lines, put, put_json

if TYPE_CHECKING:
    from zephyr_deploy.agent.layout import Layout

KEPT_RELEASES = 5


class Store:
    """Releases, state and history of one deployment."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    @property
    def current(self) -> str:
        """Id of the release that serves, as far as was written; empty if none does."""
        state = get_json(self.layout.state)
        return str(state.get("current", "")) if isinstance(state, dict) else ""

    @property
    def trial(self) -> dict[str, Any]:
        """Of a release that serves and was not judged yet: ``before``, ``who``, ``at``; empty if there is none."""
        state = get_json(self.layout.state)
        found = state.get("trial") if isinstance(state, dict) else None
        return found if isinstance(found, dict) else {}

    def set_current(self, release: str, trial: dict[str, Any] | None = None) -> None:
        """Write which release serves; and, in the same write, whether it is on trial, and what served before."""
        put_json(self.layout.state, {"current": release, **({"trial": trial} if trial else {})})

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

    def note_gate(self, release: str, report: str) -> None:
        """Keep the report that a release was judged by, in place of an earlier one."""
        put(self.layout.gates / f"{release}.json", report)

    def gate(self, release: str) -> str:
        """That report; empty if there is none."""
        try:
            return (self.layout.gates / f"{release}.json").read_text()
        except OSError:
            return ""

    def last_good(self, before: str) -> str:
        """The release that served last before ``before`` did and is still here; empty if there is none.

        One that its gate refused, or that was not judged, is none.
        """
        history = self.history()
        good = _good(history)
        for entry in reversed(history):
            release = str(entry["release"])
            if entry.get("event") == "active" and release != before and release in good and self.has(release):
                return release
        return ""

    def prune(self, keep: set[str]) -> list[str]:
        """Delete the folders of old releases; which.

        As many good ones are kept besides: after some that were refused there is one to go back to still.
        """
        history = self.history()
        order = list(dict.fromkeys(str(entry["release"]) for entry in reversed(history)))
        good = _good(history)
        kept = keep | {*order[:KEPT_RELEASES], *[one for one in order if one in good][:KEPT_RELEASES]}
        folders = [path for path in self.layout.releases.glob("*") if path.is_dir() and path.name not in kept]
        for folder in folders:
            shutil.rmtree(folder)
            for beside in (self.layout.ports / f"{folder.name}.env", self.layout.gates / f"{folder.name}.json"):
                with suppress(FileNotFoundError):
                    beside.unlink()
        return sorted(folder.name for folder in folders)


def _good(history: list[dict[str, Any]]) -> set[str]:
    """The releases that passed their gate or had none, by the last that is said of each."""
    good: set[str] = set()
    for entry in history:
        release, event = str(entry["release"]), entry.get("event")
        if event == "passed" or (event == "active" and not entry.get("trial")):
            good.add(release)
        elif event == "refused":
            good.discard(release)
    return good
