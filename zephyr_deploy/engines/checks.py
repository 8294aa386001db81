"""What is wrong with settings for any engine that is told by argv."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.engines.base import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zephyr_deploy.engines.base import ModelShape, ServeSettings

PREQUANTIZED = frozenset({"awq", "gptq", "marlin", "compressed-tensors"})
"""Values of quantize that load weights which are quantized already."""


def unsupported(settings: ServeSettings, refusals: Mapping[str, tuple[str, str, str]]) -> list[Problem]:
    """A problem for each setting that is given but that the engine does not have.

    ``refusals``: field of `ServeSettings` → name in zephyr.toml, reason, what to use instead.
    """
    return [Problem(*row) for field, row in refusals.items() if getattr(settings, field) is not None]


def shape_problems(settings: ServeSettings, shape: ModelShape | None) -> list[Problem]:
    """What the model's shape forbids; nothing where it is not known."""
    if shape is None:
        return []
    found = []
    shards, total = settings.num_shard or 1, settings.max_total_tokens
    if shape.heads % shards:
        reason = f"the model's {shape.heads} attention heads cannot be shared evenly by {shards} GPUs"
        found.append(Problem("engine.num_shard", reason, f"Take a number of GPUs that divides {shape.heads}."))
    if total is not None and total > shape.max_positions:
        reason = f"{total} is more than the model's {shape.max_positions} positions"
        found.append(Problem("limits.max_total_tokens", reason, f"Set it to {shape.max_positions} or less."))
    if settings.quantize in PREQUANTIZED and shape.quant_method is None:
        reason = f"{settings.quantize} loads weights that are quantized already, and this model's are not"
        found.append(Problem("engine.quantize", reason, f"Name a model that is quantized with {settings.quantize}."))
    return found


def argument_problems(settings: ServeSettings, rendered: Sequence[str]) -> list[Problem]:
    """What the user's own arguments must not say: secrets, and what the settings say already."""
    ours = {arg for arg in rendered if arg.startswith("--")}
    found = []
    for arg in settings.extra_args:
        flag = arg.partition("=")[0]
        if flag in {"--api-key", "--admin-api-key"}:
            reason = "a key among the arguments can be read by every user of the machine"
            found.append(Problem("engine.args", reason, "Remove it; access.expose asks for a token in front."))
        elif flag in ours:
            reason = f"{flag} is set by zephyr-deploy already"
            found.append(Problem("engine.args", reason, "Say it once, by its own setting in zephyr.toml."))
    return found
