"""What the model's own file says against the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.providers.local.weights.fetch import local_path
from zephyr_deploy.providers.local.weights.gguf import read_header

if TYPE_CHECKING:
    from zephyr_deploy.plan.plan import Plan


def check_limits(plan: Plan) -> None:
    """Refuse a context that the model was not trained for: the engine would shorten it without a word.

    Raises:
        ConfigError: ``limits.max_total_tokens`` is more than the model has.
    """
    has, wanted = read_header(local_path(plan.source)).context_length, plan.serve.max_total_tokens
    if has is not None and wanted is not None and wanted > has:
        raise ConfigError(
            f"limits.max_total_tokens is {wanted}, but {plan.serve.model_id} was trained for {has}",
            hint=f"Set it to {has} or less, then `zephyr-deploy up` again.",
        )
