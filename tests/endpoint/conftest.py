"""The scripted server for every test here, as the module ``fake`` and the fixture ``tgi``."""

import importlib.util
import socket
import sys
import time
from pathlib import Path

import pytest

from zephyr_deploy.endpoint.types import Endpoint


def _load():
    """Import the emulator by path: the test folders are no packages."""
    if "emulator_tgi" not in sys.modules:
        path = Path(__file__).parent.parent / "emulators" / "tgi.py"
        spec = importlib.util.spec_from_file_location("emulator_tgi", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["emulator_tgi"] = module
        spec.loader.exec_module(module)
    return sys.modules["emulator_tgi"]


@pytest.fixture(scope="session")
def emulator():
    return _load()


@pytest.fixture
def tgi(emulator):
    with emulator.FakeTgi() as server:
        yield server


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
