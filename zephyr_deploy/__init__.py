"""zephyr-deploy: from nothing to a healthy, private LLM endpoint, and back to nothing.

The verbs of the command line, for Python::

    from zephyr_deploy import BenchSpec, Deployment, benchmark, down, smoke, up

    endpoint = up(Deployment(name="demo")).endpoint
    assert smoke(endpoint).passed
    print(benchmark(endpoint, BenchSpec(concurrency=(1, 4))).levels)
    down("demo")

Every verb is typed, raises the errors of `zephyr_deploy.errors`, and takes a ``listener`` that is told of
progress. Names are imported when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zephyr_deploy.bench.run import bench as benchmark
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.deploy.cost import costs
    from zephyr_deploy.deploy.doctor import doctor
    from zephyr_deploy.deploy.down import down
    from zephyr_deploy.deploy.extend import extend
    from zephyr_deploy.deploy.find import endpoint_of, services
    from zephyr_deploy.deploy.logs import logs
    from zephyr_deploy.deploy.planning import estimate
    from zephyr_deploy.deploy.status import status
    from zephyr_deploy.deploy.up import plan_of, up
    from zephyr_deploy.endpoint.smoke import smoke
    from zephyr_deploy.endpoint.types import Endpoint
    from zephyr_deploy.errors import ZephyrError
    from zephyr_deploy.plan.workload import Slo, Workload
    from zephyr_deploy.spec.deployment import Deployment

__version__ = "0.1.0.dev0"

# Where each lives; "module:attribute" where the name is another there (`zephyr_deploy.bench` is a package).
_HOMES = {
    "BenchSpec": "zephyr_deploy.bench.spec",
    "Deployment": "zephyr_deploy.spec.deployment",
    "Endpoint": "zephyr_deploy.endpoint.types",
    "Slo": "zephyr_deploy.plan.workload",
    "Workload": "zephyr_deploy.plan.workload",
    "ZephyrError": "zephyr_deploy.errors",
    "benchmark": "zephyr_deploy.bench.run:bench",
    "costs": "zephyr_deploy.deploy.cost",
    "doctor": "zephyr_deploy.deploy.doctor",
    "down": "zephyr_deploy.deploy.down",
    "endpoint_of": "zephyr_deploy.deploy.find",
    "estimate": "zephyr_deploy.deploy.planning",
    "extend": "zephyr_deploy.deploy.extend",
    "logs": "zephyr_deploy.deploy.logs",
    "plan_of": "zephyr_deploy.deploy.up",
    "services": "zephyr_deploy.deploy.find",
    "smoke": "zephyr_deploy.endpoint.smoke",
    "status": "zephyr_deploy.deploy.status",
    "up": "zephyr_deploy.deploy.up",
}

__all__ = [
    "BenchSpec",
    "Deployment",
    "Endpoint",
    "Slo",
    "Workload",
    "ZephyrError",
    "__version__",
    "benchmark",
    "costs",
    "doctor",
    "down",
    "endpoint_of",
    "estimate",
    "extend",
    "logs",
    "plan_of",
    "services",
    "smoke",
    "status",
    "up",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(module), attribute or name)
