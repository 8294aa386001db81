"""What the API answers: its envelope, its refusals, and the bodies of faults that tests put in force."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Answer:
    """One answer."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"


def ok(data: Any, message: str = "OK", **more: Any) -> Answer:
    """The envelope of what was done."""
    return Answer(_json({"code": 200, "data": data, "errors": {}, "message": message, **more}))


def refused(message: str) -> Answer:
    """The answer to whatever is not valid, or not now."""
    return Answer(_json({"code": 412, "data": {}, "errors": {"detail": [message]}, "message": message}), 412)


def missing(what: str) -> Answer:
    """Chosen: the code and body of what does not exist are not known, but for the words "not found"."""
    message = f"{what} not found"
    return Answer(_json({"code": 404, "data": {}, "errors": {}, "message": message}), 404)


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


UNKNOWN_CALLER = Answer(_json({"detail": "Authentication credentials were not provided."}), 401)
NO_PAGE = Answer(b"<!doctype html><html><head><title>Page not found</title></head></html>", 404, kind="text/html")
NOT_ALLOWED = Answer(_json({"detail": "Method not allowed."}), 405)

BAD_GATEWAY: dict[str, Any] = {"status": 502, "body": b"<html><body><h1>502 Bad Gateway</h1></body></html>"}
QUOTA: dict[str, Any] = {"status": 429, "body": _json({"errors": "Node quota reached", "status_code": 429})}
THROTTLED: dict[str, Any] = {"status": 429, "body": _json({"detail": "Request was throttled."})}
NO_CREDIT: dict[str, Any] = {
    "status": 200,
    "body": _json(
        {"code": 200, "data": {"is_credit_sufficient": False}, "errors": {}, "message": "Please add credits to launch."}
    ),
}
NONE_MADE: dict[str, Any] = {
    "status": 200,
    "body": _json(
        {
            "code": 200,
            "data": {
                "total_number_of_node_requested": 1,
                "total_number_of_node_created": 0,
                "node_create_response": [],
            },
            "errors": {},
            "message": "OK",
        }
    ),
}
ERRORS_TRUE: dict[str, Any] = {"status": 200, "body": _json({"errors": True, "message": "Something went wrong"})}
"""Faults by name: ``wire.fault("POST /nodes/$", **QUOTA)``."""
