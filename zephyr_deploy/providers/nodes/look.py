"""What is on a machine, asked of the machine itself."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from zephyr_deploy.agent.layout import is_front, release_of
from zephyr_deploy.plan.machine import NodeFacts
from zephyr_deploy.providers.base import Service
from zephyr_deploy.providers.machines import Ending, Figures, FrontFound, MachineStatus, Trial
from zephyr_deploy.release.serving import Serving
from zephyr_deploy.spec.base import Frozen
from zephyr_deploy.spec.secret import Secret

if TYPE_CHECKING:
    from zephyr_deploy.node.address import NodeAddress
    from zephyr_deploy.providers.nodes.record import NodesRecord
    from zephyr_deploy.spec.base import ProviderName


SAME_CLOCK_S = 10.0


class Found(Frozen):
    """One look at a machine: its facts, and what it has of one deployment."""

    facts: NodeFacts
    caller: str = ""
    """This machine as the node sees it."""
    here: str = ""
    """Its own address, as it was reached: how other machines of the same network reach it."""
    peers: tuple[str, ...] = ()
    """The machines that its gateway spreads requests over."""
    allowed: str = ""
    """The network that the exposed endpoint there is open to; empty where none is exposed."""
    lock: str = ""
    """The lock of the release that serves there, as JSON; empty if none does."""
    serving: Serving | None = None
    """What its speed hangs on; None: the release is from a version that did not say."""
    service: Service | None = None
    trial: Trial | None = None
    """Of the release that serves; None: it was judged, or was never to be."""
    front: FrontFound | None = None
    """The gateway, where this machine is that of its own."""
    admits: str = ""
    """Address of the gateway on a machine of its own that a node lets in."""
    authority: str = ""
    """The certificate of the authority that a node's gateway has made for itself, as PEM."""
    ending: Ending | None = None
    """None: it does not end itself."""
    taken: tuple[tuple[int, str], ...] = ()
    """Ports among those that were asked for that another program has, and which."""


def read_look(answer: dict[str, Any], name: str, provider: ProviderName, address: NodeAddress) -> Found:
    """Read what the program answered to ``look``."""
    there = answer.get("deployment")
    apart = is_front(there["about"]) if there else False
    return Found(
        facts=NodeFacts.model_validate(answer["machine"]),
        caller=answer.get("caller", ""),
        here=answer.get("here", ""),
        peers=tuple(there.get("peers", ())) if there else (),
        allowed=there["about"].get("allowed", "") if there else "",
        lock=there.get("lock", "") if there else "",
        serving=_serving(there),
        service=_service(there, name, provider, address) if there and not apart else None,
        trial=_trial(there) if there and not apart else None,
        front=_front(there) if there and apart else None,
        admits=there.get("front", "") if there else "",
        authority=there.get("authority", "") if there else "",
        ending=Ending.read(answer.get("expiry")),
        taken=tuple(answer.get("taken", ())),
    )


def _serving(there: dict[str, Any] | None) -> Serving | None:
    """What a later version says beyond that is left out."""
    said = there["about"].get("serving") if there else None
    known = {name: value for name, value in said.items() if name in Serving.model_fields} if said else {}
    try:
        return Serving.model_validate(known) if known else None
    except ValidationError:
        return None


def rented(service: Service | None, record: NodesRecord, ending: Ending | None) -> Service | None:
    """The same with what its machine costs, which its cloud knows, and when it ends: by its own word, else its cloud's.

    Args:
        service: On the machine.
        record: The note on the machine.
        ending: What the machine says of its end; None: it does not end itself.
    """
    if service is None:
        return None
    price, since = record.price_per_hour_usd, record.since
    cost = {"price_per_hour_usd": price, "rented_at": since} if price else {}
    return service.model_copy(update={"ends_at": ending.at if ending else record.expires, **cost})


def _front(there: dict[str, Any]) -> FrontFound:
    about = there["about"]
    return FrontFound(
        release=there["release"],
        state=there.get("state", "unhealthy"),
        detail=there.get("detail", "it was looked at as a node"),
        public_url=_public_url(about),
        tls=about["tls"],
        sources=there.get("sources", {}),
    )


def behind(service: Service, front: FrontFound) -> Service:
    """A node's service as others reach it: by the gateway in front of it."""
    return service.model_copy(update={"public_url": front.public_url, "tls": front.tls})


def _public_url(about: dict[str, Any]) -> str | None:
    return f"https://{about['site']}" if about.get("site") else None


def _service(there: dict[str, Any], name: str, provider: ProviderName, address: NodeAddress) -> Service:
    about, key = there["about"], there.get("api_key")
    return Service(
        name=name,
        provider=provider,
        release=there["release"],
        state=there["state"],
        engine=about.get("engine", "tgi"),
        model_id=about.get("model_id", ""),
        url=f"http://127.0.0.1:{about.get('port', 8080)}",
        public_url=_public_url(about),
        tls=about.get("tls", ""),
        host=str(address),
        started_at=datetime.fromtimestamp(_here(there["started_at"], there["clock"]), timezone.utc),
        detail=there["detail"],
        api_key=Secret(key) if key else None,
    )


def _trial(there: dict[str, Any]) -> Trial | None:
    return Trial.read(there.get("trial"), _ahead_s(there["clock"]))


def _here(moment: float, clock: float) -> float:
    """A time by the machine's clock as a time by this one's."""
    return moment - _ahead_s(clock)


def _ahead_s(clock: float) -> float:
    """How far the machine's clock is ahead of this one's, where they differ by more than an answer takes."""
    ahead = clock - time.time()
    return ahead if abs(ahead) > SAME_CLOCK_S else 0.0


def read_status(answer: dict[str, Any], name: str, provider: ProviderName, address: NodeAddress) -> MachineStatus:
    """Read what the program answered to ``status``."""
    there, uptime_s = answer.get("deployment"), answer.get("uptime_s") or None
    found = MachineStatus(
        host=str(address),
        state="absent",
        detail=f"nothing of {name} is on it",
        gpus=answer["gpus"],
        held=answer["held"],
        work=_work(answer.get("work", {})),
        draining=tuple(
            release_of(unit["unit"])
            for unit in answer["units"]
            if unit["state"] == "deactivating" and "@" in unit["unit"]
        ),
        ending=Ending.read(answer.get("expiry")),
    )
    if not there:
        return found
    if is_front(there["about"]):
        front = _front(there)
        how = {"state": front.state, "detail": front.detail, "restarts": there.get("restarts")}
        return found.model_copy(update={**how, "front": front, "uptime_s": uptime_s})
    service = _service(there, name, provider, address)
    lock = json.loads(there["lock"] or "{}")
    more = {
        "state": service.state,
        "detail": service.detail,
        "service": service,
        "trial": _trial(there),
        "figures": Figures.read(answer.get("figures", {}), uptime_s),
        "uptime_s": uptime_s,
        "restarts": there["restarts"],
        "engine_version": answer.get("version", ""),
        "image": lock.get("engine", {}).get("name", ""),
    }
    return found.model_copy(update=more)


def _work(note: dict[str, Any]) -> str:
    return f"{note.get('command', '?')} by {note.get('user', '?')} on {note.get('machine', '?')}" if note else ""
