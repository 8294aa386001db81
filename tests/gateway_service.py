"""The real engine and model behind the gateway, under uvicorn."""

import asyncio
import socket
import threading

import uvicorn

from zephyr_deploy.engines.llamacpp.engine import Engine
from zephyr_deploy.engines.llamacpp.gateway.app import create_app, warm_up
from zephyr_deploy.engines.llamacpp.settings import ServiceSettings
from zephyr_deploy.engines.llamacpp.upstream import Upstream

KEY = "gateway-key"
HEADERS = {"Authorization": f"Bearer {KEY}"}
QUESTION = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of Japan?"},
]
PROMPT = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in QUESTION) + "<|im_start|>assistant\n"
ANSWER = "The capital of Japan is Tokyo."
SLOTS = 4
START_S = 60


class Service:
    """Engine, gateway and uvicorn on a thread of their own."""

    def __init__(self, model_path, **changes):
        self._model_path = str(model_path)
        self._changes = changes
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()  # from here on a client waits instead of being refused
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(START_S)
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join(START_S)
        self._socket.close()

    async def _main(self):
        settings = ServiceSettings(
            model_path=self._model_path,
            model_id="smollm2-135m-instruct",
            model_sha256="",
            parallel=SLOTS,
            max_concurrent_requests=40,
            **self._changes,
        )
        engine = await Engine.start(settings, "gateway-tests", START_S)
        try:
            async with Upstream(engine.url, engine.api_key) as upstream:
                await warm_up(upstream)
                app = create_app(settings, upstream, KEY)
                config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5)
                self._server = uvicorn.Server(config)
                self._ready.set()
                await self._server.serve(sockets=[self._socket])
        finally:
            await engine.stop(grace_s=5)
