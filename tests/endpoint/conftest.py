"""The scripted server for every test here, as the module ``fake`` and the fixture ``tgi``."""

import importlib.util
import sys
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
