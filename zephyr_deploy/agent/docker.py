"""The node's Docker Engine over its socket: the command line shows no bytes, and asking it costs a process each time.

API of Docker 20.10 (version 1.41): https://docs.docker.com/engine/api/v1.41/
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from zephyr_deploy.agent.connections import cut_silent
from zephyr_deploy.agent.errors import FREE_IT, GoneError, NodeError, free_bytes, gigabytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zephyr_deploy.agent.layout import Layout
    from zephyr_deploy.agent.report import Phase

SOCKET = "/var/run/docker.sock"
API = "/v1.41"
ASK_S = 20.0
REGISTRY_S = 30.0
"""Longest wait for a registry's answer to a small question."""
WATCH_S = 0.5
SILENCES = 3
"""At least so many connections of a layer may be silent before a pull's time is up."""
NOT_FOUND = 404
FAILED = 400
RESUME_HINT = "Check the node's network, then run it again: it resumes."
STUCK_HINT = "Check the node's network, then run it again. If it stays so: `sudo systemctl restart docker` there."
GONE_HINT = "See `systemctl status docker` on the node, or prepare it: `zephyr-deploy up` with --prepare."


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(SOCKET)
        except OSError as error:
            raise NodeError("config", f"Docker does not run on the node ({error})", GONE_HINT) from error


def _open(method: str, path: str, timeout_s: float, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
    connection = _Connection("docker", timeout=timeout_s)
    return _answer(connection, method, path, headers or {})


def _answer(
    connection: _Connection, method: str, path: str, headers: dict[str, str], registry_of: str = ""
) -> http.client.HTTPResponse:
    """What Docker answers; where it has to ask the registry of an image first, silence is the registry's."""
    try:
        connection.request(method, API + path, headers={"Host": "docker", **headers})
        return connection.getresponse()
    except socket.timeout as error:
        if not registry_of:
            raise NodeError("config", f"Docker does not answer on the node ({error})", GONE_HINT) from error
        said = f"the registry of {registry_of} did not answer within {connection.timeout:g} s"
        raise NodeError("unreachable", said, RESUME_HINT) from error
    except (OSError, http.client.HTTPException) as error:
        raise NodeError("config", f"Docker does not answer on the node ({error})", GONE_HINT) from error


def ask(path: str, timeout_s: float = ASK_S) -> Any:
    """A GET; None where there is no such thing.

    Raises:
        NodeError: Docker does not answer, or refuses.
    """
    with _open("GET", path, timeout_s) as response:
        body = _read(response)
    if response.status == NOT_FOUND:
        return None
    if response.status >= FAILED:
        raise NodeError("config", f"Docker answered {response.status}: {_message(body)}", GONE_HINT)
    return json.loads(body)


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read()
    except (OSError, http.client.HTTPException) as error:
        raise NodeError("config", f"Docker stopped in the middle of an answer ({error})", GONE_HINT) from error


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, LookupError, TypeError):
        return body.decode(errors="replace").strip()


def image(reference: str) -> Any:
    """What Docker has under that name or digest; None if nothing."""
    return ask(f"/images/{quote(reference, safe='/:@')}/json")


def registry_digest(reference: str, timeout_s: float = REGISTRY_S) -> str:
    """The digest that the registry has for a name now, asked by the node with the node's own credentials.

    Args:
        reference: The name.
        timeout_s: Longest wait for the registry, in seconds.

    Raises:
        NodeError: there is no such image, or the registry does not answer.
    """
    connection, path = _Connection("docker", timeout=timeout_s), f"/distribution/{quote(reference, safe='/:@')}/json"
    with _answer(connection, "GET", path, _auth(), reference) as response:
        body = _read(response)
    if response.status >= FAILED:
        raise image_error(reference, _message(body))
    return str(json.loads(body)["Descriptor"]["digest"])


def _auth() -> dict[str, str]:
    """Docker wants the header even where nobody logs in."""
    return {"X-Registry-Auth": base64.urlsafe_b64encode(b"{}").decode()}


def pull_missing(references: Sequence[str], check: Callable[[], None], phase: Phase, stall_s: float) -> None:
    """Pull those images that are not here; see `pull`."""
    missing = [reference for reference in references if image(reference) is None]
    for reference in missing:
        pull(reference, check, phase, stall_s)
    if not missing:
        phase.unchanged("here already")


def pull(reference: str, check: Callable[[], None], phase: Phase, stall_s: float) -> None:
    """Pull an image.

    Args:
        reference: Name with ``@sha256:`` digest (or tag).
        check: Called now and then; may raise to end the pull.
        phase: Is told the bytes.
        stall_s: How long nothing may come, in seconds.

    Raises:
        NodeError: it cannot be pulled.
        GoneError: nobody listens.
    """
    pulse = _Pulse(reference, stall_s)

    def watch() -> None:
        check()
        pulse.check()

    name, _, digest = reference.partition("@")
    query = f"fromImage={quote(name, safe='')}&tag={quote(digest or 'latest', safe='')}"
    if not digest and ":" in name.rpartition("/")[2]:
        query = f"fromImage={quote(name, safe='')}"
    connection = _Connection("docker", timeout=stall_s + ASK_S)
    connection.connect()
    try:
        with _hung_up_on(connection.sock, watch):
            response = _answer(connection, "POST", f"/images/create?{query}", _auth(), reference)
            _follow(response, reference, phase, pulse)
    finally:
        connection.close()
        watch()  # Where it was ended from here, that is the cause, and not what Docker made of it.


class _Pulse:
    """Whether a pull lives. A layer whose connection is silent is waited for by Docker for ever, in later pulls too.

    Such connections are cut, so that Docker opens others; a pull that stays silent is given up.
    """

    def __init__(self, reference: str, stall_s: float) -> None:
        self._reference = reference
        self._stall_s = stall_s
        self._heard = self._cut = time.monotonic()

    def beat(self) -> None:
        """It has said something."""
        self._heard = time.monotonic()

    def check(self) -> None:
        """See whether it lives.

        Raises:
            NodeError: it has been silent for too long.
        """
        now, patience = time.monotonic(), self._stall_s / SILENCES
        if now - self._heard >= patience and now - self._cut >= patience:
            cut_silent("dockerd", patience)
            self._cut = now
        if now - self._heard >= self._stall_s:
            said = f"the registry of {self._reference} has sent nothing for {self._stall_s:g} s"
            raise NodeError("unreachable", said, STUCK_HINT)


def _follow(response: http.client.HTTPResponse, reference: str, phase: Phase, pulse: _Pulse) -> None:
    """Read a pull to its end."""
    with response:
        if response.status >= FAILED:
            raise image_error(reference, _message(_read(response)))
        layers: dict[str, tuple[int, int]] = {}
        for event in _events(response, reference):
            pulse.beat()
            if "error" in event:
                raise image_error(reference, str(event["error"]), packed=sum(total for _, total in layers.values()))
            _count(event, layers)
            if layers:
                phase.progress(sum(done for done, _ in layers.values()), sum(total for _, total in layers.values()))


@contextmanager
def _hung_up_on(line: socket.socket, check: Callable[[], None]) -> Iterator[None]:
    """Hang up as soon as ``check`` raises: Docker then ends the pull, which may be silent for minutes."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_S):
            try:
                check()
            except (GoneError, NodeError):
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
                return

    watcher = threading.Thread(target=watch, name="pull-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _events(response: http.client.HTTPResponse, reference: str) -> Iterator[dict[str, Any]]:
    """Docker's own progress, one JSON object a line; silent while it unpacks, which it tells by the lines it sends."""
    while True:
        try:
            line = response.readline()
        except (OSError, http.client.HTTPException) as error:
            raise NodeError("unreachable", f"pulling {reference} stopped ({error})", RESUME_HINT) from error
        if not line:
            return
        if line.strip():
            yield json.loads(line)


def _count(event: dict[str, Any], layers: dict[str, tuple[int, int]]) -> None:
    """Take account of one event; what is being unpacked has been downloaded."""
    layer, detail = str(event.get("id", "")), event.get("progressDetail") or {}
    status = event.get("status", "")
    if status == "Downloading" and detail.get("total"):
        layers[layer] = (int(detail.get("current", 0)), int(detail["total"]))
    elif status in {"Download complete", "Pull complete", "Extracting"} and layer in layers:
        layers[layer] = (layers[layer][1], layers[layer][1])


def image_error(reference: str, message: str, packed: int = 0) -> NodeError:
    """What stands behind Docker's words on an image, whose layers have ``packed`` bytes as far as is known."""
    low = message.lower()
    said = f"{reference} cannot be pulled: {message}"
    if "no space left" in low:
        return _no_room(said, packed)
    if any(words in low for words in ("not found", "manifest unknown", "does not exist", "http 404", "unknown blob")):
        return NodeError(
            "config", said, "Check engine.image (--image); a private image needs `docker login` on the node."
        )
    if "unauthorized" in low or "denied" in low or "authentication required" in low:
        return NodeError("credentials", said, "Log in on the node: `sudo docker login`.")
    return NodeError("unreachable", said, RESUME_HINT)


def _no_room(said: str, packed: int) -> NodeError:
    root = Path("/var/lib/docker")
    with suppress(NodeError):  # Then it is where it usually is.
        root = Path(info()["DockerRootDir"])
    free = free_bytes(root)
    more = f"; its layers are {gigabytes(packed)} before they are unpacked" if packed else ""
    full = f"{said}{more}, and {gigabytes(free)} are free at {root}"
    return NodeError("capacity", full, FREE_IT, needed_bytes=packed, free_bytes=free)


def containers(layout: Layout) -> list[str]:
    """Names of the containers of a deployment, whether they run or not; of no other whose name begins alike."""
    names = [str(text).lstrip("/") for row in ask("/containers/json?all=1") or [] for text in row.get("Names", [])]
    mine = re.compile(rf"{re.escape(layout.container(''))}([0-9a-f]{{12}}|gateway)")
    return sorted(name for name in names if mine.fullmatch(name))


def container(name: str) -> Any:
    """The container of that name; None if there is none."""
    return ask(f"/containers/{quote(name, safe='')}/json")


def remove(name: str) -> None:
    """Kill a container and take it away; nothing where there is none of that name.

    Raises:
        NodeError: Docker does not answer.
    """
    with _open("DELETE", f"/containers/{quote(name, safe='')}?force=true", ASK_S * 3) as response:
        _read(response)


def out_of_memory(name: str, since: float) -> bool:
    """Whether the kernel has ended a process of the container of that name for want of memory.

    Docker's own note of events is asked: our containers are gone with their end.

    Args:
        name: Of the container.
        since: Seconds since 1970.
    """
    filters = quote(json.dumps({"event": ["oom"], "container": [name]}))
    path = f"/events?since={int(since)}&until={time.time():.3f}&filters={filters}"
    try:
        with _open("GET", path, ASK_S) as response:
            return response.status < FAILED and bool(_read(response).strip())
    except NodeError:  # Docker does not answer: nothing is known
        return False


def info() -> Any:
    """What Docker says of itself.

    Raises:
        NodeError: it does not answer.
    """
    return ask("/info")
