"""What this node can reach and offer: the hub, the images' registry, and the ports that a deployment wants."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from zephyr_deploy.agent import docker, ports, units
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.agent.report import Report

ASK_S = 10.0
"""Longest wait for one answer, in seconds."""
READ_BYTES = 1024


def reach(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    """Ask ``hub`` (an address) and for each of ``images`` its registry; see whether each of ``ports`` is free.

    Nothing is downloaded. An answer is empty where all is well, else it says why not.
    """
    images: list[str] = request.get("images", [])
    asked: dict[str, Callable[[], str]] = {image: lambda image=image: _image(image) for image in images}  # type: ignore[misc]
    if request.get("hub"):
        asked["hub"] = lambda: _hub(str(request["hub"]))
    answers: dict[str, str] = {}

    def ask(name: str, question: Callable[[], str]) -> None:
        answers[name] = question()

    threads = [threading.Thread(target=ask, args=pair, daemon=True) for pair in asked.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(ASK_S * 2)
    late = f"no answer within {ASK_S * 2:g} s"
    return {
        "hub": answers.get("hub", late) if "hub" in asked else "",
        "images": {image: answers.get(image, late) for image in images},
        "ports": {str(port): _port(int(port), str(request.get("name") or "")) for port in request.get("ports", [])},
    }


def _hub(url: str) -> str:
    """A small page; that the hub refuses it shows that it is there."""
    asked = urllib.request.Request(url, headers={"User-Agent": "zephyr-deploy"})
    try:
        with urllib.request.urlopen(asked, timeout=ASK_S) as answer:
            answer.read(READ_BYTES)
    except urllib.error.HTTPError as error:
        error.close()
        return f"HTTP {error.code}" if error.code >= 500 else ""  # noqa: PLR2004 - the server's own fault
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", "") or error)
    return ""


def _image(reference: str) -> str:
    """Docker itself asks the registry, with its own proxies, mirrors and credentials."""
    try:
        docker.registry_digest(reference)
    except NodeError as error:
        return error.message
    return ""


def _port(port: int, name: str) -> str:
    """Why the port cannot be had; the gateway of the deployment itself may have it."""
    if name and units.active(Layout(name).gateway_unit):
        return ""
    return "" if ports.is_free("127.0.0.1", port) else f"{ports.holder(port)} has it"
