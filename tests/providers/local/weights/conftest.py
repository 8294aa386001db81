"""A loopback server that can break off, and files to serve."""

import hashlib
import io
import re
import struct
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from zephyr_deploy.events import Notice, PhaseHandle, PhaseProgress


class FileServer(ThreadingHTTPServer):
    """Serves ``files`` with Range requests; each answer may be cut, refused or whole, as the test says."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = {}
        self.headers_of = {}
        self.cuts = []
        """For each coming answer: after how many bytes to break the connection; None: not at all."""
        self.statuses = []
        """For each coming answer: the status to give instead of the file."""
        self.answers = {}
        """Path → status and headers to give instead of the file."""
        self.ranges = True
        self.requests = []
        """Path, Range header and Authorization of every GET."""
        self.sent = 0
        """Bytes of file content sent."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET(body=False)

    def do_GET(self, body=True):
        server, path = self.server, self.path.partition("?")[0]
        if body:
            server.requests.append((path, self.headers.get("Range"), self.headers.get("Authorization")))
        status = server.statuses.pop(0) if server.statuses else None
        content = server.files.get(path)
        if path in server.answers:
            return self._answer(server.answers[path][0], b"{}", server.answers[path][1])
        if status or content is None:
            return self._answer(status or 404, b"", {})
        start = self._start()
        if start >= len(content) > 0 and start:
            return self._answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        extra = dict(server.headers_of.get(path, {}))
        if start:
            extra["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self._answer(206 if start else 200, content[start:] if body else b"", extra, len(content) - start)

    def _start(self):
        found = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(found[1]) if found and self.server.ranges else 0

    def _answer(self, status, content, headers, length=None):
        cut = self.server.cuts.pop(0) if self.server.cuts and status < 300 else None
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content) if length is None else length), **headers}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[:cut])
        self.server.sent += len(content[:cut])
        self.close_connection = True


@pytest.fixture
def server():
    with FileServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


class Heard(PhaseHandle):
    """A phase that remembers what it was told."""

    def __init__(self):
        self.events = []
        super().__init__("model", self.events.append)

    @property
    def notices(self):
        return [e.message for e in self.events if isinstance(e, Notice)]

    @property
    def steps(self):
        return [(e.done, e.total) for e in self.events if isinstance(e, PhaseProgress)]


@pytest.fixture
def phase():
    return Heard()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("zephyr_deploy.providers.local.weights.download.PAUSE_S", 0)


def _string(text):
    return struct.pack("<Q", len(text)) + text.encode()


def make_gguf(elements=1024, context=512):
    """A valid GGUF file with one F32 tensor, and nothing that could be run."""
    facts = _string("general.architecture") + struct.pack("<I", 8) + _string("llama")
    facts += _string("llama.context_length") + struct.pack("<II", 4, context)
    facts += _string("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + _string("a") + _string("bc")
    facts += _string("tokenizer.ggml.scores") + struct.pack("<IIQ", 9, 6, 2) + struct.pack("<ff", 0, 1)
    tensor = _string("output.weight") + struct.pack("<IQIQ", 1, elements, 0, 0)
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, 4) + facts + tensor
    header += b"\0" * (-len(header) % 32)
    return header + bytes(range(256)) * (elements * 4 // 256)


@pytest.fixture
def gguf():
    return make_gguf


MEMBER = "tiny_model/tiny.gguf"


@pytest.fixture
def wheel():
    """A wheel with one GGUF file in it: its bytes and its metadata's."""
    metadata = b"Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MEMBER, make_gguf(65536))
        archive.writestr("tiny_model-1.0.dist-info/METADATA", metadata)
        archive.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_model-1.0.dist-info/RECORD", "")
    return content.getvalue(), metadata


@pytest.fixture
def sha256():
    return lambda data: hashlib.sha256(data).hexdigest()
