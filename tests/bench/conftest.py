from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


def _load():
    """The test server, by path: it is a program as well, and test folders are no packages."""
    path = Path(__file__).with_name("scripted.py")
    spec = importlib.util.spec_from_file_location("bench_scripted", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(spec.name, module)
    spec.loader.exec_module(sys.modules[spec.name])
    return sys.modules[spec.name]


@pytest.fixture(scope="session")
def scripted():
    return _load()


@pytest.fixture(scope="session")
def endpoint_at():
    from zephyr_deploy.endpoint.types import Endpoint

    return lambda url: Endpoint(name="scripted", url=url, engine="tgi", model_id="some/model")
