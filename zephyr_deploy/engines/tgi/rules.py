"""All that can be known to be wrong with TGI's settings before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.engines.base import Problem
from zephyr_deploy.engines.tgi.parse import effective
from zephyr_deploy.engines.tgi.rule import Case, check
from zephyr_deploy.engines.tgi.rules_limits import LIMITS
from zephyr_deploy.engines.tgi.rules_serving import SERVING
from zephyr_deploy.engines.tgi.rules_weights import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zephyr_deploy.engines.base import ModelShape, ServeSettings
    from zephyr_deploy.engines.tgi.flags import TgiFlags

RULES = (*WEIGHTS, *LIMITS, *SERVING)


def flag_problems(
    flags: TgiFlags, *, knobs: Mapping[str, str] | None = None, shape: ModelShape | None = None
) -> list[Problem]:
    """What is wrong with these flags, given the other environment variables and the model's shape where known."""
    return check(RULES, Case(flags, knobs or {}, shape))


def problems(settings: ServeSettings, shape: ModelShape | None) -> list[Problem]:
    """What is wrong with these settings, ``extra_env`` and ``extra_args`` included."""
    flags, knobs, found = effective(settings)
    if settings.cuda_graphs == ():
        found.append(Problem("engine.cuda_graphs", "an empty list says nothing", "Say [0] to turn CUDA graphs off."))
    return [*found, *flag_problems(flags, knobs=knobs, shape=shape)]
