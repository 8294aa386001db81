"""A loopback server that can break off, and files to serve."""

import hashlib
import io
import struct
import threading
import zipfile

import pytest
from emulators.files import FileServer

from zephyr_deploy.events import Notice, PhaseHandle, PhaseProgress


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
