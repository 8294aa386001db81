import httpx
import pytest
from gateway_service import HEADERS, Service


@pytest.fixture(scope="module")
def service(model_path):
    with Service(model_path) as running:
        yield running


@pytest.fixture
def http(service):
    with httpx.Client(base_url=service.url, headers=HEADERS, timeout=60) as client:
        yield client


@pytest.fixture
def metric(http):
    def read(line_start):
        lines = http.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(line_start))

    return read
