"""What the API's refusals mean."""

from __future__ import annotations

import pytest

from zephyr_deploy.errors import (
    AuthError,
    ConfigError,
    CreditError,
    GoneError,
    NoCapacityError,
    QuotaError,
    ThrottledError,
)
from zephyr_deploy.providers.e2e.errors import error_of, message_of


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"detail": "Authentication credentials were not provided."}, AuthError),
        (403, {"detail": "Node not found"}, AuthError),
        (401, None, AuthError),
        (412, {"message": "Action not allowed on Resources that are part of Disaster Recovery Plan"}, ConfigError),
        (412, {"message": "Invalid plan or image"}, ConfigError),
        (412, {"message": "The selected plan is currently not available"}, NoCapacityError),
        (412, {"message": "Insufficient balance"}, CreditError),
        (412, {"message": "You do not have sufficient credits. Please recharge."}, CreditError),
        (412, {"message": "The node is attached to a Load Balancer"}, ConfigError),
        (412, {"message": "Invalid accreditation"}, ConfigError),
        (429, {"errors": "Node quota reached", "status_code": 429}, QuotaError),
        (429, {"detail": "Request was throttled."}, ThrottledError),
        (429, None, ThrottledError),
        (404, {"message": "Node not found"}, GoneError),
        (412, {"message": "Node not found"}, GoneError),
        (400, {"message": "Project not found"}, ConfigError),
        (412, {"message": "location Pune not found"}, ConfigError),
        (404, None, ConfigError),
    ],
)
def test_a_refusal_has_its_error(status, body, kind):
    error = error_of(status, body, "POST /nodes/")

    assert type(error) is kind
    assert "POST /nodes/" in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"message": "a", "detail": "b"}, "a"),
        ({"message": "", "detail": "b"}, "b"),
        ({"errors": "c"}, "c"),
        ({"errors": {"detail": ["d", "e"]}, "message": ""}, "d; e"),
        ({"errors": {}, "message": None}, ""),
        (["x"], ""),
        (None, ""),
    ],
)
def test_what_it_says(body, said):
    assert message_of(body) == said
