"""The embedded engine: llama.cpp's own HTTP server (xllamacpp) in a process of its own.

One server per process: several failed starts within one process have hung it. The process runs this module;
it reads its order (settings and key, so that neither is in argv) as one line of JSON from stdin, answers with its
URL on stdout, and ends when stdin ends, that is, when whoever started it is gone. `Engine` is its other side.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from zephyr_deploy.engines.llamacpp.settings import API_KEY_ENV, ServiceSettings
from zephyr_deploy.errors import DeadlineError, EngineFailedError

if TYPE_CHECKING:
    from xllamacpp import Server

ENGINE_MODULE = "zephyr_deploy.engines.llamacpp.engine"
OWN_ENV = {"OMP_WAIT_POLICY": "passive"}
"""Threads that wait must sleep: spinning ones cost 5 times the speed as soon as another process wants a core."""
PR_SET_PDEATHSIG = 1
"""Linux, ``prctl(2)``."""
WARNINGS = 2
"""llama.cpp's ``verbosity``: errors and warnings, not the prompts and timings of every request."""


class Engine:
    """A running engine, seen from the process that started it; ``url`` is on loopback and wants ``api_key``."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, api_key: str) -> None:
        self.url = url
        self.api_key = api_key
        self._process = process

    @classmethod
    async def start(cls, settings: ServiceSettings, name: str, timeout_s: float) -> Engine:
        """Start an engine for deployment ``name`` and wait until it has loaded the model and listens.

        Raises:
            EngineFailedError: it ended instead; the reason is in its stderr, which is ours.
            DeadlineError: it did not listen within ``timeout_s`` seconds, and was killed.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", ENGINE_MODULE, "--name", name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=engine_env(settings),
        )
        engine = cls(process, "", secrets.token_urlsafe(32))
        try:
            engine.url = await asyncio.wait_for(engine._order(settings), timeout_s)
        except asyncio.TimeoutError as error:
            raise DeadlineError(f"the engine did not load the model within {timeout_s:g} s") from error
        finally:
            if not engine.url:
                await engine.stop(grace_s=0)
        return engine

    async def ended(self) -> str:
        """Wait until the engine has ended, and say how."""
        return how_it_ended(await self._process.wait())

    async def stop(self, grace_s: float) -> None:
        """End the engine and wait until it is gone: SIGTERM, and SIGKILL after ``grace_s`` seconds."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), grace_s)
        except asyncio.TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _order(self, settings: ServiceSettings) -> str:
        """Hand the engine its order and return the URL that it answers with."""
        order = {"api_key": self.api_key, "settings": settings.model_dump(mode="json")}
        if self._process.stdin is None or self._process.stdout is None:
            raise EngineFailedError("the engine was started without pipes")
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        with contextlib.suppress(ConnectionError):  # it is gone already; the empty answer says so below
            await self._process.stdin.drain()
        answer = await self._process.stdout.readline()
        if not answer:
            raise EngineFailedError(f"{await self.ended()} before it had loaded the model")
        return answer.decode().strip()


def engine_env(settings: ServiceSettings) -> dict[str, str]:
    """Environment of the engine's process: ours without the service's key, its own, the user's on top."""
    inherited = {name: value for name, value in os.environ.items() if name != API_KEY_ENV}
    return {**inherited, **OWN_ENV, **settings.engine_env}


def how_it_ended(returncode: int) -> str:
    """In words, from a return code as `subprocess` gives it: negative for a signal."""
    if returncode < 0:
        return f"the engine was killed by signal {-returncode} ({signal.Signals(-returncode).name})"
    return f"the engine ended with code {returncode}"


def load(settings: ServiceSettings, api_key: str) -> Server:
    """Load the model and listen on a free port of the loopback interface (blocks; the GIL is held).

    Raises:
        RuntimeError: llama.cpp's server could not start; its reason is on stderr.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings.model_path
    params.model_alias = {settings.model_id}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [api_key]
    params.n_parallel = settings.parallel
    params.n_ctx = settings.max_total_tokens * settings.parallel
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings.threads
    params.verbosity = WARNINGS
    params.endpoint_metrics = True
    params.ui = False
    params.offline = True
    params.cache_ram_mib = 0  # llama.cpp's own default may take 8 GiB
    params.cache_idle_slots = False
    params.sse_ping_interval = 1  # how soon the server notices that a client has gone, in seconds
    return xllamacpp.Server(params)


def main() -> None:
    """Run the engine until stdin ends; the exit code is 0 then."""
    # Whatever native code prints goes to the log; stdout carries the one answer.
    answer = os.dup(1)
    os.dup2(2, 1)
    _die_with_parent()
    order = json.loads(sys.stdin.readline())
    server = load(ServiceSettings.model_validate(order["settings"]), order["api_key"])
    os.write(answer, server.listening_address.encode() + b"\n")
    os.close(answer)
    sys.stdin.read()
    # Not through the server's destructor: it waits for open streams, and nobody is left to read them.
    os._exit(0)


def _die_with_parent() -> None:
    """Ask Linux to kill this process with its parent: while it loads the model it cannot watch stdin."""
    if sys.platform == "linux" and Path("/proc/self").exists():
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
