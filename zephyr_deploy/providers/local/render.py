"""From a prepared plan to the one file of an embedded release: a pure function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zephyr_deploy.engines.llamacpp.settings import NO_DONE, ServiceSettings
from zephyr_deploy.engines.llamacpp.spec import SPEC
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.providers.local.folder import SETTINGS
from zephyr_deploy.providers.local.weights.fetch import local_path
from zephyr_deploy.release.release import Release, release_of

if TYPE_CHECKING:
    from zephyr_deploy.plan.plan import Plan


def render(plan: Plan) -> Release:
    """The release of a prepared plan; no secret is in it.

    Raises:
        ConfigError: the plan has not been prepared.
    """
    text = json.dumps(settings_of(plan).model_dump(mode="json"), indent=2, sort_keys=True)
    return release_of({SETTINGS: text + "\n"})


def settings_of(plan: Plan) -> ServiceSettings:
    """What the service is told."""
    if plan.source.sha256 is None:
        raise ConfigError(
            f"{plan.source.location} has not been fetched and checked yet", hint="Run `zephyr-deploy up`."
        )
    serve = plan.serve
    given = {
        "max_input_tokens": serve.max_input_tokens,
        "max_total_tokens": serve.max_total_tokens,
        "max_concurrent_requests": serve.max_concurrent_requests,
    }
    return ServiceSettings.model_validate(
        {
            **{field: value for field, value in given.items() if value is not None},
            "model_path": str(local_path(plan.source).absolute()),
            "model_id": serve.model_id,
            "model_sha256": plan.source.sha256,
            "parallel": plan.parallel,
            "threads": plan.threads,
            "done": NO_DONE not in serve.extra_args,
            "drain_s": serve.drain_s,
            "engine_env": SPEC.env(serve),
        }
    )
