"""An endpoint on the scripted server, and what is simpler than that server."""

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from zephyr_deploy.endpoint.types import Endpoint


@pytest.fixture
def endpoint(tgi):
    return Endpoint(name="zephyr", url=tgi.url, engine="tgi", model_id="HuggingFaceH4/zephyr-7b-beta")


@pytest.fixture
def unused_port():
    """A port on which nobody listens: bound here, and never listened on, so that no one else takes it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def until():
    """Wait until something is so; it fails after 5 s."""

    def wait(so):
        deadline = time.monotonic() + 5
        while not so():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.01)

    return wait


@pytest.fixture
def serve_json():
    """Serve fixed answers, ``{path: (status, object)}``, to GET and POST; all else is a 404 in FastAPI's form."""
    servers = []

    def serve(answers):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = answers.get(self.path, (404, {"detail": "Not Found"}))
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                self.do_GET()

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()
