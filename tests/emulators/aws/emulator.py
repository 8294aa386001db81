"""AWS on a port of this machine.

Calls go through `Wire`, which can make them fail, and then along a chain of parts to moto. Left out: capacity (see
`AwsEmulator.fault`), opt-in regions, all of IAM but what `rights` reads, and everything that this project never calls.
moto keeps its state per process, so there can be only one emulator in a process at a time.
"""

from __future__ import annotations

from typing import Any

from emulators.aws import front, parts, pricing, quotas
from emulators.aws.account import Account
from emulators.aws.chain import Answer, Call, Environ, Onward, Part, chained, error_body, of_app, read
from emulators.aws.launch import launch
from emulators.aws.lifecycle import lifecycle
from emulators.aws.rights import rights
from emulators.machines import Machines, PaperMachines
from emulators.wire import Fault, Wire
from moto.server import DomainDispatcherApplication, create_backend_app

KEY, SECRET = "AKIAEMULATED00000000", "emulated/secret/0000000000000000000000000"
REGIONS = ("us-east-1", "us-west-2", "ap-south-1")
PARTS = (
    front.address,
    front.credentials,
    front.regions,
    rights,
    pricing.pricing,
    pricing.spot_prices,
    quotas.quotas,
    parts.images,
    parts.spot,
    parts.console,
    launch,
    lifecycle,
    parts.dependencies,
    parts.keys,
    parts.settling,
)
"""In the order in which a call passes them; each makes a part for an account. Add yours before ``launch``."""
_app = DomainDispatcherApplication(create_backend_app)


class AwsEmulator:
    """An account without anything in it.

    Args:
        machines: What an instance is; None: nothing but a note.
        regions: Those that are enabled, the preferred one first; every other refuses calls.
    """

    def __init__(self, machines: Machines | None = None, regions: tuple[str, ...] = REGIONS) -> None:
        self.account = Account(
            machines or PaperMachines(), regions, credentials={KEY: SECRET}, parameters=dict(parts.PARAMETERS)
        )
        self._onward = chained([make(self.account) for make in PARTS], of_app(_app))
        self.wire = Wire(self._answer, lambda environ, body: read(environ, body).named)

    def start(self) -> AwsEmulator:
        """Serve from now on."""
        self.account.reset()
        self.wire.start()
        return self

    def stop(self) -> None:
        """Serve no more; the machines are gone."""
        self.wire.stop()
        self.account.reset()

    def reset(self) -> None:
        """As after `start`: nothing is there, nothing was asked, nothing fails."""
        self.account.reset()
        self.wire.forget()
        self.account.parameters = dict(parts.PARAMETERS)
        self.account.quotas.clear()
        self.lag_s = self.account.ending_s = 0.0

    @property
    def url(self) -> str:
        """Of every service."""
        return self.wire.url

    @property
    def machines(self) -> Machines:
        """What its instances are."""
        return self.account.machines

    @property
    def lag_s(self) -> float:
        """How long what was just made is missing from every list, in seconds."""
        return self.account.lag_s

    @lag_s.setter
    def lag_s(self, seconds: float) -> None:
        self.account.lag_s = seconds

    def environment(self) -> dict[str, str]:
        """What has a program speak to this account, and to no other."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": self.account.regions[0],
            "AWS_DEFAULT_REGION": self.account.regions[0],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "ZEPHYR_ADDRESS_URL": self.url,
        }

    def fault(self, action: str, code: str, message: str = "said the emulator", **what: Any) -> Fault:
        """Have calls refused with an error code; ``what`` are fields of `Fault`, and ``service`` (default ec2)."""
        body = error_body(what.pop("service", "ec2"), code, message)
        return self.wire.fault(action, **{"status": 400, "body": body, **what})

    def left(self) -> list[str]:
        """Everything with a stamp that still exists, as ``kind id region``."""
        return self.account.left()

    def inbound(self) -> set[tuple[int, str]]:
        """What firewalls let in: ports, each with a network."""
        groups = [g for region in self.account.regions for g in self.account.ec2(region).describe_security_groups()]
        rules = [rule for group in groups for rule in group.ingress_rules if rule.from_port is not None]
        return {(rule.from_port, rule.cidr_ipv4 or rule.cidr_ipv6) for rule in rules}

    def account_is_empty(self) -> bool:
        """Whether nothing with a stamp exists."""
        return not self.left()

    def _answer(self, environ: Environ, start: Any) -> list[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        call = read(environ, environ["wsgi.input"].read(length) if length else b"")
        with self.account.lock:
            answer = self._onward(call)
        headers = {name: text for name, text in answer.headers.items() if name.lower() != "content-length"}
        start(f"{answer.status} -", [*headers.items(), ("Content-Length", str(len(answer.body)))])
        return [answer.body]


__all__ = ["Answer", "AwsEmulator", "Call", "Onward", "Part"]
