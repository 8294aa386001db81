r"""The embedded service: one process that holds the port, the gateway and the engine's process.

It is started in a session of its own and writes its life, and the engine's complaints, to one log. The port is
bound at once but opened only when a real token has been generated, as TGI does: refused means not ready.

    python -m zephyr_deploy.engines.llamacpp.service --name zephyr --release 0123456789ab --port 8080 \
        --model HuggingFaceTB/SmolLM2-135M-Instruct --settings /path/to/service.json
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from zephyr_deploy.engines.llamacpp.engine import Engine
from zephyr_deploy.engines.llamacpp.settings import API_KEY_ENV, ServiceSettings
from zephyr_deploy.engines.llamacpp.spec import ENGINE_STOP_S
from zephyr_deploy.errors import DeadlineError, EngineFailedError, ZephyrError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    import uvicorn
    from starlette.applications import Starlette

    from zephyr_deploy.engines.llamacpp.upstream import Upstream

START_TIMEOUT_S = 600.0
"""A model of 7 billion parameters from a slow disk takes minutes."""
READY_TIMEOUT_S = 120.0
"""From a loaded model to its first generated token."""
BROKEN_S = 2.0
"""How long running answers may take to fail by themselves once the engine is gone, in seconds."""

GATEWAY_MODULES = (
    "uvicorn",
    "zephyr_deploy.engines.llamacpp.upstream",
    "zephyr_deploy.engines.llamacpp.gateway.app",
)

KEEP_ALIVE_S = 3600
"""How long an idle connection stays open. TGI never closes one; a short wait cuts requests that are just being sent."""

T = TypeVar("T")
log = logging.getLogger("zephyr_deploy")


class Service:
    """One run of the service, from bound port to exit code."""

    def __init__(self, name: str, settings: ServiceSettings, listener: socket.socket, api_key: str | None) -> None:
        self.name = name
        self.settings = settings
        self.listener = listener
        self.api_key = api_key
        self._server: uvicorn.Server | None = None
        self._app: Starlette | None = None
        self._draining = False

    async def run(self) -> int:
        """Serve until SIGTERM or SIGINT (0) or until the engine is gone (1)."""
        self._watch_signals()
        settings = self.settings
        shape = f"{settings.parallel} x {settings.max_total_tokens} tokens, threads: {settings.threads}"
        log.info("loading %s (%s)", settings.model_path, shape)
        try:
            # Importing the gateway takes as long as loading a small model: side by side they take half.
            starting = Engine.start(settings, self.name, START_TIMEOUT_S)
            engine, _ = await asyncio.gather(starting, asyncio.to_thread(_import_gateway))
            try:
                log.info("model loaded")
                await self._serve(engine)
            finally:
                await engine.stop(ENGINE_STOP_S)
        except asyncio.CancelledError:
            pass  # told to stop before it was ready
        except (ZephyrError, OSError) as error:
            log.error("failed: %s", error)  # noqa: TRY400 - the message is for the user; a traceback says no more
            return 1
        log.info("stopped")
        return 0

    async def _serve(self, engine: Engine) -> None:
        """Answer requests until told to stop; `EngineFailedError` if the engine ends first."""
        from zephyr_deploy.engines.llamacpp.gateway.app import create_app
        from zephyr_deploy.engines.llamacpp.upstream import Upstream

        ended = asyncio.create_task(engine.ended())
        try:
            async with Upstream(engine.url, engine.api_key) as upstream:
                await _unless_ended(_first_answer(upstream), ended)
                log.info("first answer generated")
                self._app = create_app(self.settings, upstream, self.api_key)
                self._server = _web_server(self._app, self.settings.drain_s)
                await self._answer(self._server, ended)
        finally:
            ended.cancel()

    async def _answer(self, server: uvicorn.Server, ended: asyncio.Task[str]) -> None:
        host, port = self.listener.getsockname()
        log.info("ready: http://%s:%d", host, port)
        # Connections inherit this from the port, and leave the port free for a successor while they linger closed.
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        serving = asyncio.create_task(server.serve(sockets=[self.listener]))
        await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            return await serving
        server.should_exit = True
        await asyncio.wait({serving}, timeout=BROKEN_S)
        server.force_exit = True
        await serving
        raise EngineFailedError(await ended)

    def _watch_signals(self) -> None:
        loop, run = asyncio.get_running_loop(), asyncio.current_task()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop, run)

    def _told_to_stop(self, run: asyncio.Task[Any] | None) -> None:
        """Before the port is open: end at once. After: uvicorn, which got the signal too, drains; say so, once."""
        if self._server is None or self._app is None:
            if run:
                run.cancel()
        elif not self._draining:
            self._draining = True
            log.info("draining: %s running, up to %d s", self._app.state.inflight, self.settings.drain_s)


def bind(port: int) -> socket.socket:
    """Take a port of the loopback interface without opening it; 0 takes a free one.

    Bound without SO_REUSEADDR the port is ours alone. Where connections of an earlier service still linger
    (TIME_WAIT) that is refused, and SO_REUSEADDR takes the port unless somebody listens on it, or has it alone.

    Raises:
        OSError: somebody has it (EADDRINUSE), or it may not be had (EACCES).
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    return listener


def _import_gateway() -> None:
    for module in GATEWAY_MODULES:
        importlib.import_module(module)


def _web_server(app: Starlette, drain_s: int) -> uvicorn.Server:
    import uvicorn

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=drain_s,
    )
    return uvicorn.Server(config)


async def _first_answer(upstream: Upstream) -> None:
    """Wait until the engine has generated a token."""
    from zephyr_deploy.engines.llamacpp.gateway.app import warm_up

    deadline = time.monotonic() + READY_TIMEOUT_S
    while not await upstream.healthy():
        if time.monotonic() > deadline:
            raise DeadlineError(f"the engine is not healthy {READY_TIMEOUT_S:g} s after it loaded the model")
        await asyncio.sleep(0.05)
    try:
        await asyncio.wait_for(warm_up(upstream), READY_TIMEOUT_S)
    except asyncio.TimeoutError as error:
        raise DeadlineError(f"the engine did not generate one token within {READY_TIMEOUT_S:g} s") from error


async def _unless_ended(work: Coroutine[object, object, T], ended: asyncio.Task[str]) -> T:
    """Await ``work``; `EngineFailedError` as soon as the engine has ended."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise EngineFailedError(await ended)
        return await task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ZephyrError):
            await task


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="zephyr-deploy service", description="The embedded service (internal).")
    parser.add_argument("--name", required=True)
    parser.add_argument("--release", required=True)
    parser.add_argument("--model", required=True, help="what it serves; for whoever looks at the process list")
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--settings", required=True, type=Path)
    parser.add_argument("--listener", type=int, help="file descriptor of a socket that is bound to the port already")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Run the service; the exit code is 0 after a stop that was asked for, else 1."""
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%SZ", level=logging.WARNING)
    logging.Formatter.converter = time.gmtime
    log.setLevel(logging.INFO)
    arguments = _arguments(argv)
    settings = ServiceSettings.model_validate_json(arguments.settings.read_bytes())
    api_key = os.environ.pop(API_KEY_ENV, None)
    try:
        given = arguments.listener
        listener = bind(arguments.port) if given is None else socket.socket(fileno=given)
    except OSError as error:
        log.error("failed: port %d is taken (%s)", arguments.port, error.strerror)  # noqa: TRY400 - as above
        return 1
    listener.set_inheritable(False)
    os.chdir("/")  # a service that runs for days keeps no folder busy
    log.info("starting: release %s on port %d, pid %d", arguments.release, listener.getsockname()[1], os.getpid())
    with listener:
        return asyncio.run(Service(arguments.name, settings, listener, api_key).run())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
