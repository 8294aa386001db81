from __future__ import annotations

import pytest
from bench.truth import gtserver, truth  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def endpoint_at():
    from zephyr_deploy.endpoint.types import Endpoint

    return lambda url: Endpoint(name="scripted", url=url, engine="tgi", model_id="some/model")
