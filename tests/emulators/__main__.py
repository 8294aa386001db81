"""`make emulators`: AWS and E2E Networks on this machine, for `zephyr-deploy --rehearse`, until Ctrl-C."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emulators.rehearsal import clouds
from lab.boot import sweep
from lab.docker import LabError
from lab.world import Lab

from zephyr_deploy.deploy.rehearse import NOTE, Emulators, rehearsal_dir
from zephyr_deploy.errors import ConfigError, ZephyrError
from zephyr_deploy.events import PhaseHandle, silent
from zephyr_deploy.plan.embedded import embedded_table
from zephyr_deploy.providers.local.weights.fetch import local_path, prepare_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulators.rehearsal import Clouds

WORDS = """\
AWS ({aws}) and E2E Networks ({e2e}) are emulated here; their machines are containers.
In another terminal:

  zephyr-deploy --rehearse up --provider aws --gpu a10g
  zephyr-deploy --rehearse down

Ctrl-C ends them, with every machine."""


def main() -> int:
    """Serve; 1 with the reason on stderr where that does not work."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        with _noted() as folder, tempfile.TemporaryDirectory() as keys, clouds(_lab(), Path(keys)) as both:
            _note(both, folder)
            ended.wait()
            print("Taking every machine away ...", flush=True)
    except (LabError, ZephyrError) as error:
        hint = getattr(error, "hint", None)
        print(f"Error: {error}", *([f"Next: {hint}"] if hint else []), sep="\n", file=sys.stderr)
        return 1
    return 0


@contextmanager
def _noted() -> Iterator[Path]:
    """A folder for what rehearsals keep, which is as new as the accounts, and ends with them."""
    folder = rehearsal_dir()
    running = Emulators.noted()
    if running is not None and running.alive:
        hint = f"Use them with zephyr-deploy --rehearse, or end them: kill {running.pid}"
        raise ConfigError(f"emulated clouds are running already (process {running.pid})", hint=hint)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        (folder / NOTE).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _lab() -> Lab:
    print("Starting the lab; the first time takes minutes ...", flush=True)
    source = embedded_table().default.source()
    lab = Lab.open(local_path(prepare_source(source, PhaseHandle("model", silent))))
    sweep(lab)
    return lab


def _note(both: Clouds, folder: Path) -> None:
    Emulators.here(both.environment()).save()
    print(WORDS.format(aws=both.aws.url, e2e=both.e2e.url, folder=folder), flush=True)


if __name__ == "__main__":
    sys.exit(main())
