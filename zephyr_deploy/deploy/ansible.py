"""Finds Ansible, and lets it run one playbook: with an inventory of its own, deadlines, and a log.

The program is run and not imported: it is an extra, under another licence, and it may be ended at any time.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, TYPE_CHECKING

import psutil

from zephyr_deploy.deploy.played import Played
from zephyr_deploy.errors import ConfigError, DeadlineError
from zephyr_deploy.node.deadline import Deadline
from zephyr_deploy.node.knownhosts import write_private
from zephyr_deploy.resources import resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.node.inventory import Inventory

PROGRAM = "ansible-playbook"
OLDEST = (2, 17)
INSTALL = "pip install 'zephyr-deploy[prepare]'"
ASK_S = 60.0
"""How long the program may take to say its version: a cold start reads a thousand files."""
PLAY_S = 1800.0
"""Longest run: a driver is built, packages of a gigabyte come over a slow line, a machine restarts."""
SILENCE_S = 960.0
"""Longest time without a line: the one task that is silent longest, a restart, has 900 s."""
TICK_S = 1.0
GRACE_S = 5.0
"""How long it may take to end by itself once it was told to."""


def find_ansible() -> Path:
    """The program: the one beside this Python, which the extra installs, else the one on PATH.

    Raises:
        ConfigError: there is none, or it is too old.
    """
    beside = Path(sys.executable).parent / PROGRAM
    found = beside if beside.is_file() else shutil.which(PROGRAM)
    if found is None:
        raise ConfigError(f"preparing a machine takes Ansible, and there is no {PROGRAM} here", hint=INSTALL)
    if shutil.which("ssh") is None:
        raise ConfigError("Ansible needs ssh, and there is none on this machine", hint="Install openssh-client.")
    _require_recent(Path(found))
    return Path(found)


def _require_recent(program: Path) -> None:
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=ASK_S, check=False, env=_environment()
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"{program} did not say its version within {ASK_S:g} s", hint=INSTALL) from error
    except OSError as error:
        raise ConfigError(f"{program} cannot be run: {error.strerror}", hint=INSTALL) from error
    version = re.search(r"(\d+)\.(\d+)[.\d]*", said.stdout)
    if said.returncode or version is None:
        last = (said.stderr.strip() or f"exit code {said.returncode}").splitlines()[-1]
        raise ConfigError(f"{program} does not work: {last}", hint=INSTALL)
    if tuple(map(int, version.groups())) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise ConfigError(f"{program} is Ansible {version[0]}; the playbooks need {wanted} or newer", hint=INSTALL)


def play(
    program: Path,
    playbook: Path,
    inventory: Inventory,
    log: Path,
    on_tick: Callable[[Played], None],
    *,
    deadline_s: float = PLAY_S,
    silence_s: float = SILENCE_S,
) -> Played:
    """Run ``playbook`` to its end, whatever its end; on the way out nothing of it is left running here.

    Args:
        program: See `find_ansible`.
        playbook: Which.
        inventory: Where; it is seen by this user alone, and gone afterwards.
        log: Gets every line that it prints; mode 0600.
        on_tick: Called with what was read so far, at every line and every second.
        deadline_s: How long all of it may take, in seconds.
        silence_s: How long it may say nothing, in seconds.

    Raises:
        DeadlineError: it took too long, or was silent for too long.
        ConfigError: the log cannot be written.
    """
    write_private(log, "")
    with tempfile.TemporaryDirectory(prefix="zephyr-") as home, log.open("a") as kept:
        hosts = Path(home) / "hosts.json"
        write_private(hosts, json.dumps(inventory))
        command = [str(program), "--inventory", str(hosts), str(playbook)]
        try:
            with _child(command, _environment(home)) as process:
                return _read(process, kept, on_tick, Deadline(deadline_s), silence_s)
        finally:
            _hang_up(Path(home) / "cp")


def _environment(home: str | None = None) -> dict[str, str]:
    """The user's own, but for Ansible's settings: what it prints is read here."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    own |= {
        # It refuses every other kind of locale, as a bare container's.
        "LC_ALL": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8",
        "ANSIBLE_CONFIG": str(resource("playbooks", "ansible.cfg")),
        "ANSIBLE_NOCOLOR": "1",
        "SSH_ASKPASS_REQUIRE": "never",
    }
    if home is not None:
        own |= {"ANSIBLE_HOME": home, "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{home}/cp"}
    return own


@contextmanager
def _child(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process without a terminal, so that a Ctrl-C reaches us alone; it has ended when the body has."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End it with all that it has started: its workers lead sessions of their own, beyond a signal to one group."""
    if process.poll() is not None:
        return
    with suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        _, alive = psutil.wait_procs(started, timeout=0)
        for one in alive:
            with suppress(psutil.NoSuchProcess):
                one.kill()
    process.kill()
    process.wait(GRACE_S)


def _read(
    process: subprocess.Popen[str],
    log: IO[str],
    on_tick: Callable[[Played], None],
    deadline: Deadline,
    silence_s: float,
) -> Played:
    lines: Queue[str | None] = Queue()
    assert process.stdout is not None  # noqa: S101 - it was asked for
    Thread(target=_pump, args=(process.stdout, lines), name="ansible", daemon=True).start()
    played, heard = Played(), time.monotonic()
    while True:
        with suppress(Empty):
            line = lines.get(timeout=TICK_S)
            if line is None:
                break
            log.write(line)
            log.flush()
            played.read(line)
            heard = time.monotonic()
        on_tick(played)
        if deadline.over:
            raise _too_long(played, f"was not done after {deadline.seconds:g} s")
        if time.monotonic() - heard > silence_s:
            raise _too_long(played, f"said nothing for {silence_s:g} s")
    played.code = process.wait(GRACE_S)
    return played


def _pump(stream: IO[str], lines: Queue[str | None]) -> None:
    with suppress(ValueError):  # it was closed meanwhile
        for line in stream:
            lines.put(line)
    lines.put(None)


def _too_long(played: Played, what: str) -> DeadlineError:
    at = f" at {played.task!r}" if played.task else ""
    hint = "What it had begun may go on there for a while; look, then run it again."
    return DeadlineError(f"Ansible {what}{at}, and was ended", hint=hint)


def _hang_up(sockets: Path) -> None:
    """Close the connections that ssh keeps open for a minute in case that more is wanted."""
    for socket in sockets.glob("*"):
        with suppress(OSError, subprocess.TimeoutExpired):
            command = ["ssh", "-F", "/dev/null", "-o", f"ControlPath={socket}", "-O", "exit", "machine"]
            subprocess.run(command, capture_output=True, timeout=GRACE_S, check=False)
