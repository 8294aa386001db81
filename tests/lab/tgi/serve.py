"""Load, warm up, open the port, answer, drain: TGI's life from its shard on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import uvicorn
from lab.tgi.info import commit, info_route
from lab.tgi.log import fatal
from lab.tgi.ports import bind
from lab.tgi.settings import service_settings, tokenizer_config
from lab.tgi.template import TemplatedUpstream
from lab.tgi.weights import snapshot

from zephyr_deploy.engines.llamacpp.engine import Engine
from zephyr_deploy.engines.llamacpp.gateway.app import create_app, warm_up
from zephyr_deploy.errors import ZephyrError

if TYPE_CHECKING:
    import socket
    from collections.abc import Coroutine, Iterator
    from pathlib import Path

    from lab.tgi.failure import Failure
    from lab.tgi.log import Log
    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Receive, Scope, Send

    from zephyr_deploy.engines.llamacpp.settings import ServiceSettings
    from zephyr_deploy.engines.tgi.flags import TgiFlags

SHARD = "shard-manager"
ROUTER = "text_generation_router_v3"
SERVER = "text_generation_router::server"
CONTEXT = 2048
"""Most tokens of one request that the engine within has memory for, whatever TGI's limits say."""
LOAD_S = 120.0
DRAIN_S = 90
ENGINE_STOP_S = 5.0
KEEP_ALIVE_S = 3600
SIGN_S = 10.0
"""How often TGI says that its shard is not ready, in seconds."""

T = TypeVar("T")


@dataclass
class Tgi:
    """One run of TGI after its download."""

    flags: TgiFlags
    inputs: int
    """Effective ``max_input_tokens``."""
    total: int
    """Effective ``max_total_tokens``."""
    out: Log
    failure: Failure | None
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> int:
        """From the shard's start to the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.stop.set)
        folder = snapshot(self.flags.model_id, self.flags.revision)
        if folder is None:
            self.out.error("Shard complete standard error output:\n\nFileNotFoundError: no weights", SHARD)
            fatal("ShardCannotStart")
            return 1
        self.out.info("Starting shard", SHARD)
        if self.failure and self.failure.stage == "load":
            return await self._fail(self.failure)
        settings = service_settings(self.flags, self.inputs, self.total, folder)
        engine = await self._unless_stopped(self._load(settings))
        if engine is None:
            return self._stopped()
        try:
            async with TemplatedUpstream(engine.url, engine.api_key) as upstream:
                upstream.tokenizer_config = tokenizer_config(self.flags, folder)
                return await self._webserver(engine, upstream, settings, folder)
        finally:
            await engine.stop(ENGINE_STOP_S)

    async def _load(self, settings: ServiceSettings) -> Engine:
        """Start the engine; say every now and then that it is not ready yet."""
        begun = time.monotonic()
        within = settings.model_copy(update={"max_total_tokens": min(self.total, CONTEXT)})
        task = asyncio.ensure_future(Engine.start(within, "tgi", LOAD_S))
        while not task.done():
            await asyncio.wait({task}, timeout=SIGN_S)
            if not task.done():
                self.out.info("Waiting for shard to be ready...", SHARD)
        engine = await task
        self.out.info("Server started at unix:///tmp/text-generation-server-0", SHARD)
        self.out.info(f"Shard ready in {time.monotonic() - begun:.1f}s", SHARD)
        return engine

    async def _webserver(
        self, engine: Engine, upstream: TemplatedUpstream, settings: ServiceSettings, folder: Path
    ) -> int:
        self.out.info("Starting Webserver")
        self.out.info("Warming up model", target=ROUTER)
        if self.failure and self.failure.stage == "warmup":
            return await self._fail(self.failure)
        if await self._unless_stopped(_first_token(upstream)) is None:
            return self._stopped()
        self._say_limits(settings)
        try:
            listener = bind(self.flags, self.out)
        except OSError as error:
            return self._crashed(f'WebServer(Axum("{error}"))')
        with listener:
            sha = commit(folder)
            self.out.info(f"Serving revision {sha} of model {self.flags.model_id}", target=SERVER)
            self.out.info("Connected", target=SERVER)
            if self.failure and self.failure.name == "hang":
                await self.stop.wait()
                return self._stopped()
            key = self.flags.api_key.get_secret_value() if self.flags.api_key is not None else None
            app = create_app(settings, upstream, key)
            app.router.routes.insert(0, info_route(settings, sha))
            return await self._answer(app, listener, engine)

    def _say_limits(self, settings: ServiceSettings) -> None:
        room = 4 * settings.max_total_tokens
        self.out.info(f"KV-cache blocks: {room}, size: 1", SHARD)
        self.out.info(f"Setting max batch total tokens to {room}", target=ROUTER)
        self.out.info("Using backend V3", target=ROUTER)
        if self.flags.max_input_tokens is None and self.flags.max_input_length is None:
            self.out.info(f"Maximum input tokens defaulted to {settings.max_input_tokens}", target=ROUTER)

    async def _answer(self, app: Starlette, listener: socket.socket, engine: Engine) -> int:
        """Serve until told to stop (then drain), until the engine is gone, or until the ordered failure."""
        after = float(os.environ.get("LAB_FAIL_AFTER_S", "5")) if self.failure else None
        served: ASGIApp = Slow(app, delay_s) if (delay_s := float(os.environ.get("LAB_DELAY_S", "0"))) else app
        if after is not None and self.failure and self.failure.crash == "never":
            served, after = Stuck(app, time.monotonic() + after), None
        server = _web_server(served, self.flags.graceful_termination_timeout)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        ends = {asyncio.create_task(self.stop.wait()), asyncio.create_task(engine.ended())}
        await asyncio.wait({serving, *ends}, timeout=after, return_when=asyncio.FIRST_COMPLETED)
        failed = not self.stop.is_set()
        if not failed:
            self.out.info("Terminating webserver")
            self.out.info("signal received, starting graceful shutdown", target=SERVER)
        server.should_exit = True
        server.force_exit = failed
        await serving
        for task in ends:
            task.cancel()
        if failed:
            return self.failure.last_words(self.out) if self.failure else self._shard_gone()
        self.out.info("webserver terminated")
        return self._stopped()

    async def _fail(self, failure: Failure) -> int:
        if failure.crash != "never":
            return failure.last_words(self.out)
        while not self.stop.is_set():
            self.out.info("Waiting for shard to be ready...", SHARD)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.stop.wait(), SIGN_S)
        return self._stopped()

    async def _unless_stopped(self, work: Coroutine[object, object, T]) -> T | None:
        """What the work gives; None when told to stop before."""
        task, told = asyncio.ensure_future(work), asyncio.ensure_future(self.stop.wait())
        await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if task.done():
            return await task
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ZephyrError):
            await task
        return None

    def _crashed(self, error: str) -> int:
        fatal(error)
        self.out.error("Webserver Crashed")
        self.out.info("Shutting down shards")
        fatal("WebserverFailed")
        return 1

    def _shard_gone(self) -> int:
        self.out.error("Shard 0 crashed")
        self.out.info("Terminating webserver")
        fatal("ShardFailed")
        return 1

    def _stopped(self) -> int:
        self.out.info("Shutting down shards")
        self.out.info("shard terminated", SHARD)
        return 0


class Slow:
    """The application, which begins with each generation so many seconds late; health and figures are answered."""

    def __init__(self, app: ASGIApp, delay_s: float) -> None:
        self.app = app
        self.delay_s = delay_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, and answer."""
        if scope["type"] == "http" and scope["method"] == "POST":
            await asyncio.sleep(self.delay_s)
        await self.app(scope, receive, send)


class Stuck:
    """The application, whose generations never come from the moment ``at`` on; health and figures are answered."""

    def __init__(self, app: ASGIApp, at: float) -> None:
        self.app = app
        self.at = at

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or wait until the caller has left."""
        if scope["type"] == "http" and scope["method"] == "POST" and time.monotonic() >= self.at:
            while (await receive())["type"] != "http.disconnect":
                pass
        else:
            await self.app(scope, receive, send)


class _Server(uvicorn.Server):
    """uvicorn without its own idea of signals: the launcher has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _web_server(app: ASGIApp, drain_s: int | None) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S if drain_s is None else drain_s,
    )
    return _Server(config)


async def _first_token(upstream: TemplatedUpstream) -> bool:
    deadline = time.monotonic() + LOAD_S
    while not await upstream.healthy():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the engine is not healthy after {LOAD_S:g} s")
        await asyncio.sleep(0.05)
    await warm_up(upstream)
    return True
