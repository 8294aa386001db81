"""Which service is meant, and which of several machines answers for it."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from zephyr_deploy.deploy import find
from zephyr_deploy.errors import UnhealthyError, UsageError
from zephyr_deploy.providers.base import Service


def service(name, state, host="gpu1"):
    return Service(
        name=name,
        provider="ssh",
        release="a1",
        state=state,
        engine="tgi",
        model_id="m",
        url="http://127.0.0.1:8080",
        host=host,
        started_at=datetime.now(timezone.utc),
    )


@pytest.fixture
def there(monkeypatch):
    """Have these services exist; what is asked of their provider is noted."""
    asked = []

    def these(*found):
        class Stub:
            def services(self, name=None):
                asked.append(name)
                return [s for s in found if name in {None, s.name}]

        monkeypatch.setattr(find, "providers", lambda: [Stub()])
        return asked

    return these


def test_only_the_machines_of_the_deployment_that_is_meant_are_asked(there):
    asked = there(service("a", "ready"), service("b", "ready"))
    assert find.service_of("b").name == "b"
    assert asked == ["b"]


def test_a_machine_that_is_ready_answers_for_those_that_are_not(there):
    there(service("a", "unhealthy", "gpu1"), service("a", "ready", "gpu2"))
    assert find.service_of().host == "gpu2"


def test_what_has_failed_is_no_endpoint(there):
    there(service("a", "failed"))
    with pytest.raises(UnhealthyError, match="a has failed"):
        find.endpoint_of("a")


def test_several_deployments_need_a_name(there):
    there(service("a", "ready"), service("b", "ready"))
    with pytest.raises(UsageError, match="several deployments: a, b"):
        find.service_of()
