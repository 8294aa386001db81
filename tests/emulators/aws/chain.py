"""A call to AWS as the emulator's parts see it, and the chain of parts that it goes along.

A part is a function that takes a call and the rest of the chain. It answers by itself, changes the call before it
passes it on, or changes the answer that comes back::

    def quotas(call: Call, onward: Onward) -> Answer:
        if call.service != "servicequotas":
            return onward(call)
        return said(call, {"Quota": {"Value": 8.0}})
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape

Environ = dict[str, Any]
IAM_NAMES = {"tagging": "tag"}
"""Services that IAM calls otherwise than signatures do."""
NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


@dataclass(frozen=True)
class Call:
    """One request."""

    environ: Environ
    body: bytes
    service: str
    """As signatures name it, e.g. ec2, ssm, servicequotas, pricing; empty: the request is not signed."""
    region: str
    action: str
    """E.g. RunInstances."""
    key: str
    """Id of the access key."""
    params: dict[str, Any] = field(default_factory=dict)
    """Of the query protocol as they are sent (``Filter.1.Name``); of the JSON protocol, the body."""

    @property
    def named(self) -> str:
        """As IAM writes it: ``ec2:RunInstances``; method and path where the request is not signed."""
        if self.service:
            return f"{IAM_NAMES.get(self.service, self.service)}:{self.action}"
        return f"{self.environ['REQUEST_METHOD']} {self.environ['PATH_INFO']}"

    def listed(self, name: str) -> list[str]:
        """A list of the query protocol: the values of ``name.1``, ``name.2`` and so on."""
        found = []
        while (text := self.params.get(f"{name}.{len(found) + 1}")) is not None:
            found.append(text)
        return found

    def filters(self) -> dict[str, list[str]]:
        """The filters of an EC2 call."""
        found: dict[str, list[str]] = {}
        while name := self.params.get(f"Filter.{len(found) + 1}.Name"):
            found[name] = self.listed(f"Filter.{len(found) + 1}.Value")
        return found

    def tags(self) -> dict[str, dict[str, str]]:
        """What the call tags at creation: tags by kind of resource."""
        found: dict[str, dict[str, str]] = {}
        number = 1
        while kind := self.params.get(f"TagSpecification.{number}.ResourceType"):
            start, tags = f"TagSpecification.{number}.Tag", found.setdefault(kind, {})
            while (key := self.params.get(f"{start}.{len(tags) + 1}.Key")) is not None:
                tags[key] = self.params.get(f"{start}.{len(tags) + 1}.Value", "")
            number += 1
        return found

    def but(self, params: Mapping[str, str | None]) -> Call:
        """The same call of the query protocol with other parameters; None takes one away."""
        changed = {name: text for name, text in {**self.params, **params}.items() if text is not None}
        return replace(self, params=changed, body=urlencode(changed).encode())


@dataclass(frozen=True)
class Answer:
    """What comes back."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


Onward = Callable[[Call], Answer]
Part = Callable[[Call, Onward], Answer]


def read(environ: Environ, body: bytes) -> Call:
    """The call that a request is."""
    words = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split(",")[0].split("/")
    key, _, region, service, *_ = words if len(words) > 3 else ("", "", "", "")
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return Call(environ, body, service, region, target.rpartition(".")[2], key, json.loads(body or b"{}"))
    params = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return Call(environ, body, service, region, params.get("Action", ""), key, params)


def chained(parts: Iterable[Part], end: Onward) -> Onward:
    """The parts in their order, and what answers where none of them did."""
    onward = end
    for part in reversed(list(parts)):
        onward = _before(part, onward)
    return onward


def _before(part: Part, onward: Onward) -> Onward:
    return lambda call: part(call, onward)


def refused(call: Call, code: str, message: str, status: int = 400) -> Answer:
    """An error, in the protocol of the call."""
    return Answer(status, error_body(call.service, code, message), {"Content-Type": _type(call.service)})


def error_body(service: str, code: str, message: str) -> bytes:
    """An error as that service writes it."""
    inside = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    if service == "ec2":
        return f"<Response><Errors>{inside}</Errors><RequestID>r-1</RequestID></Response>".encode()
    if service == "sts":
        return f"<ErrorResponse>{inside}<RequestId>r-1</RequestId></ErrorResponse>".encode()
    return json.dumps({"__type": code, "message": message}).encode()


def said(call: Call, content: dict[str, Any] | str) -> Answer:
    """An answer: JSON, or the XML that stands inside of EC2's envelope."""
    if isinstance(content, dict):
        headers = {"Content-Type": _type(call.service), "x-amzn-RequestId": "r-1"}
        return Answer(200, json.dumps(content).encode(), headers)
    name = f"{call.action}Response"
    text = f'<{name} xmlns="{NAMESPACE}"><requestId>r-1</requestId>{content}</{name}>'
    return Answer(200, text.encode(), {"Content-Type": "text/xml"})


def of_app(app: Callable[..., Iterable[bytes]]) -> Onward:
    """A WSGI application as the end of a chain."""

    def end(call: Call) -> Answer:
        taken: list[Any] = []
        environ = {**call.environ, "wsgi.input": io.BytesIO(call.body), "CONTENT_LENGTH": str(len(call.body))}
        body = b"".join(app(environ, lambda status, headers, error=None: taken.extend((status, headers))))
        return Answer(int(taken[0].split()[0]), body, dict(taken[1]))

    return end


def _type(service: str) -> str:
    return "text/xml" if service in {"ec2", "sts"} else "application/x-amz-json-1.1"
