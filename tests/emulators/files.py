"""A loopback server that serves files, and breaks off, refuses or lies as a test says."""

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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
        self.server.sent += len(content[:cut])  # before: whoever has read it all may ask at once
        self.wfile.write(content[:cut])
        self.close_connection = True
