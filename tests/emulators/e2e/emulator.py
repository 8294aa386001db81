"""The emulated API as a server, and what tests turn on it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from emulators.e2e import catalog, groups, keys, nodes
from emulators.e2e.answers import NO_PAGE, NOT_ALLOWED, UNKNOWN_CALLER, Answer, ok, refused
from emulators.e2e.call import Call
from emulators.e2e.store import LOCATIONS, Fate, Store
from emulators.machines import Machines, PaperMachines
from emulators.wire import Environ, Wire

ROOT = "/myaccount/api/v1"
CALLER = "/caller"
"""Not the API's: tells the caller's address, as some sites do."""
API_KEY = "6d9c1f20-0000-4000-8000-00000emulated"
AUTH_TOKEN = "eyJhbGciOiJub25lIn0.emulated.token"
PROJECT = "46429"
PROJECTS = [{"project_id": int(PROJECT), "name": "default", "is_default": True, "is_starred": False}]

Handler = Callable[[Store, Call], Answer]
UNSCOPED = ("/iam/multi-crn/", "/pbac/project/")
ROUTES: dict[str, dict[str, Handler]] = {
    "/iam/multi-crn/": {"GET": lambda _store, _call: ok([])},
    "/pbac/project/": {"GET": lambda _store, _call: ok(PROJECTS)},
    "/nodes/": {"GET": nodes.index, "POST": nodes.create},
    "/nodes/{id}/": {"GET": nodes.show, "DELETE": nodes.delete},
    "/nodes/{id}/actions/": {"PUT": nodes.act},
    "/ssh_keys/": {"GET": keys.index, "POST": keys.create},
    "/delete_ssh_key/{id}/": {"DELETE": keys.delete},
    "/security_group/": {"GET": groups.index, "POST": groups.create},
    "/security_group/{id}/": {"GET": groups.show, "PUT": groups.replace, "DELETE": groups.delete},
    "/security_group/{id}/attach/": {"POST": groups.attach},
    "/security_group/{id}/detach/": {"POST": groups.detach},
    "/images/os-category/": {"GET": lambda _store, _call: ok(catalog.SYSTEMS)},
    "/images/": {"GET": lambda _store, call: ok(catalog.plans(call.query))},
}


class E2eEmulator:
    """One account of E2E Networks.

    Actions on the wire are ``POST /nodes/``, ``GET /nodes/{id}/``, ``PUT /nodes/{id}/actions/ label_rename``.

    Args:
        machines: Are behind its nodes; None: none are.
    """

    def __init__(self, machines: Machines | None = None) -> None:
        self.machines: Machines = machines or PaperMachines()
        self.store = Store(self.machines)
        self.caller_ip = "203.0.113.7"
        self._lock = threading.Lock()
        self.wire = Wire(self._serve, _action)

    @property
    def url(self) -> str:
        """The API's base."""
        return self.wire.url + ROOT

    @property
    def lag_s(self) -> float:
        """How long lists lack what was just made, in seconds."""
        return self.store.lag_s

    @lag_s.setter
    def lag_s(self, seconds: float) -> None:
        self.store.lag_s = seconds

    @property
    def fates(self) -> list[Fate]:
        """What becomes of the next nodes instead of ``Running``, in this order."""
        return self.store.fates

    def start(self) -> None:
        """Serve from now on."""
        self.wire.start()

    def stop(self) -> None:
        """Serve no more; its machines are gone."""
        self.wire.stop()
        self.reset()

    def environment(self) -> dict[str, str]:
        """By which this account is used."""
        return {
            "E2E_API_KEY": API_KEY,
            "E2E_AUTH_TOKEN": AUTH_TOKEN,
            "E2E_PROJECT_ID": PROJECT,
            "E2E_LOCATION": LOCATIONS[0],
            "ZEPHYR_E2E_BASE_URL": self.url,
            "ZEPHYR_ADDRESS_URL": self.wire.url + CALLER,
        }

    def left(self) -> list[str]:
        """What exists of zephyr-deploy: nodes, groups, keys."""
        with self._lock:
            return self.store.left()

    def inbound(self) -> set[tuple[int, str]]:
        """What firewalls let in: ports, each with a network."""
        with self._lock:
            rules = [rule for group in self.store.groups.values() if not group.is_default for rule in group.rules]
        found = [(int(rule["port_range"]), rule["network"]) for rule in rules if rule["rule_type"] == "Inbound"]
        return {(port, "0.0.0.0/0" if network == "any" else network) for port, network in found}

    def reset(self) -> None:
        """An empty account, without faults."""
        with self._lock:
            self.wire.forget()
            self.store.fates.clear()
            self.store.lag_s = 0.0
            self.store.clear()

    def _serve(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == CALLER:
            answer = Answer(self.caller_ip.encode(), kind="text/plain")
        else:
            with self._lock:
                answer = self._answer(environ)
        headers = {"Content-Type": answer.kind, "Content-Length": str(len(answer.body)), **answer.headers}
        start(f"{answer.status} Answer", list(headers.items()))
        return [answer.body]

    def _answer(self, environ: Environ) -> Answer:
        template, number = _route(environ["PATH_INFO"])
        handlers = ROUTES.get(template)
        if handlers is None:
            return NO_PAGE
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        if query.get("apikey") != API_KEY or environ.get("HTTP_AUTHORIZATION") != f"Bearer {AUTH_TOKEN}":
            return UNKNOWN_CALLER
        handler = handlers.get(environ["REQUEST_METHOD"])
        if handler is None:
            return NOT_ALLOWED
        if template not in UNSCOPED:
            if query.get("project_id") != PROJECT:
                return refused("Invalid project_id")
            if query.get("location") not in LOCATIONS:
                return refused("Invalid location")
        body = _body(environ["wsgi.input"].read())
        return handler(self.store, Call(environ["REQUEST_METHOD"], environ["PATH_INFO"], query, body, number))


def _route(path: str) -> tuple[str, int]:
    """The path with its number taken out, and the number; nothing of a path that is not the API's."""
    if not path.startswith(ROOT + "/"):
        return "", 0
    rest = path.removeprefix(ROOT)
    number = re.search(r"/(\d+)/", rest)
    return re.sub(r"/\d+/", "/{id}/", rest), int(number.group(1)) if number else 0


def _action(environ: Environ, body: bytes) -> str:
    template, _ = _route(environ["PATH_INFO"])
    kind = _body(body).get("type", "") if template.endswith("/actions/") else ""
    return f"{environ['REQUEST_METHOD']} {template or environ['PATH_INFO']} {kind}".rstrip()


def _body(raw: bytes) -> dict[str, Any]:
    return json.loads(raw) if raw else {}
