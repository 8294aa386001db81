"""What both emulated clouds share: a WSGI server that counts calls, and makes those fail that a test has chosen.

Every call has an action (``RunInstances``, ``POST /nodes/``), by which faults are told whom they hit. A fault strikes
before the call is carried out, or after: then the cloud has done it, and the caller does not know.
"""

from __future__ import annotations

import io
import itertools
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from werkzeug.serving import WSGIRequestHandler, make_server

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


@dataclass
class Fault:
    """What goes wrong with the calls that match."""

    action: str = ""
    """Regular expression, found anywhere in the action."""
    when: Literal["before", "after"] = "before"
    status: int | None = None
    """Answer with this status instead; with ``when="after"`` once the call has been carried out."""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    """Close the connection without an answer."""
    delay_s: float = 0.0
    """Answer so much later."""
    kill: int | None = None
    """End this process with SIGKILL; the call gets no answer."""
    skip: int = 0
    """How many matching calls pass first."""
    times: int | None = 1
    """How many calls it hits after those; None: all."""


@dataclass
class Asked:
    """A call that was made."""

    number: int
    action: str
    status: int = 0
    """Of the answer; 0: there was none."""


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        """Say nothing: `Wire.asked` has it."""


class Wire:
    """A WSGI application on a port of this machine, with faults.

    Args:
        app: Is the cloud.
        action_of: Names a call, by its environment and body.
    """

    def __init__(self, app: App, action_of: Callable[[Environ, bytes], str]) -> None:
        self._app, self._action_of = app, action_of
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, name="emulator", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def fault(self, action: str = "", **what: Any) -> Fault:
        """Put a fault in force; the fields are those of `Fault`."""
        fault = Fault(action, **what)
        with self._lock:
            self.faults.append(fault)
        return fault

    def forget(self) -> None:
        """No fault is in force, and nothing was asked."""
        with self._lock:
            self.faults.clear()
            self.asked.clear()

    def actions(self) -> list[str]:
        """Of every call, in the order in which they came."""
        with self._lock:
            return [asked.action for asked in self.asked]

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = io.BytesIO(body)
        asked, fault = self._note(self._action_of(environ, body))
        if fault and fault.when == "before" and (struck := self._strike(environ, start, asked, fault)) is not None:
            return struck
        answer: list[Any] = []
        content = b"".join(self._app(environ, lambda status, headers, error=None: answer.extend((status, headers))))
        if fault and fault.when == "after" and (struck := self._strike(environ, start, asked, fault)) is not None:
            return struck
        asked.status = int(answer[0].split()[0])
        start(*answer)
        return [content]

    def _note(self, action: str) -> tuple[Asked, Fault | None]:
        with self._lock:
            asked = Asked(next(self._numbers), action)
            self.asked.append(asked)
            for fault in self.faults:
                if not re.search(fault.action, action) or fault.times == 0:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                return asked, fault
        return asked, None

    def _strike(self, environ: Environ, start: Callable[..., Any], asked: Asked, fault: Fault) -> list[bytes] | None:
        """What the caller gets in place of the cloud's answer; None: it gets that, later."""
        time.sleep(fault.delay_s)
        if self._ends(environ, fault):
            start("200 OK", [])  # for the server, which wants to send something; nobody is there any more
            return []
        return None if fault.status is None else self._answer(start, asked, fault)

    @staticmethod
    def _ends(environ: Environ, fault: Fault) -> bool:
        """Whether the caller gets no answer; it may get no more of anything."""
        if fault.kill is not None:
            with suppress(ProcessLookupError):
                os.kill(fault.kill, signal.SIGKILL)
        if fault.kill is None and not fault.lost:
            return False
        with suppress(OSError):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return True

    @staticmethod
    def _answer(start: Callable[..., Any], asked: Asked, fault: Fault) -> list[bytes]:
        asked.status = fault.status or 0
        start(f"{fault.status} Fault", list({"Content-Length": str(len(fault.body)), **fault.headers}.items()))
        return [fault.body]
