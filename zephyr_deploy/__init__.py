"""zephyr-deploy: from nothing to a healthy, private LLM endpoint, and back to nothing.

The verbs of the command line, for Python::

    from zephyr_deploy import Deployment, up, down

    result = up(Deployment(name="demo"))
    print(result.service.url)
    down("demo")

Every verb is typed, raises the errors of `zephyr_deploy.errors`, and takes a ``listener`` that is told of
progress. Names are imported when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zephyr_deploy.deploy.doctor import doctor
    from zephyr_deploy.deploy.down import down
    from zephyr_deploy.deploy.find import endpoint_of, services
    from zephyr_deploy.deploy.logs import logs
    from zephyr_deploy.deploy.status import status
    from zephyr_deploy.deploy.up import plan_of, up
    from zephyr_deploy.endpoint.types import Endpoint
    from zephyr_deploy.errors import ZephyrError
    from zephyr_deploy.spec.deployment import Deployment

__version__ = "0.1.0.dev0"

_HOMES = {
    "Deployment": "zephyr_deploy.spec.deployment",
    "Endpoint": "zephyr_deploy.endpoint.types",
    "ZephyrError": "zephyr_deploy.errors",
    "doctor": "zephyr_deploy.deploy.doctor",
    "down": "zephyr_deploy.deploy.down",
    "endpoint_of": "zephyr_deploy.deploy.find",
    "logs": "zephyr_deploy.deploy.logs",
    "plan_of": "zephyr_deploy.deploy.up",
    "services": "zephyr_deploy.deploy.find",
    "status": "zephyr_deploy.deploy.status",
    "up": "zephyr_deploy.deploy.up",
}

__all__ = [
    "Deployment",
    "Endpoint",
    "ZephyrError",
    "__version__",
    "doctor",
    "down",
    "endpoint_of",
    "logs",
    "plan_of",
    "services",
    "status",
    "up",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
