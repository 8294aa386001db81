"""The command that makes a plan real."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from zephyr_deploy.spec.deployment import ZEPHYR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zephyr_deploy.plan.choice.outcome import Outlook

REPEATED = {
    "model.revision": "--revision",
    "machine.region": "--region",
    "limits.max_total_tokens": "--max-total-tokens",
    "cost.max_hourly_usd": "--max-price",
}
"""Flags of `plan` that `up` has to be given, too."""


def up_command(outlook: Outlook, flags: Mapping[str, object]) -> str | None:
    """What to type; None where it would not do, or is nothing that a cloud of this tool sells.

    Args:
        outlook: The plan.
        flags: What `plan` was given, by dotted key; what zephyr.toml says, `up` reads there.
    """
    price = outlook.price
    if outlook.missing_bytes or outlook.meets is False or price is None or not price.orderable:
        return None
    return shlex.join(("zephyr-deploy", "up", "--provider", price.cloud, *_words(outlook, flags)))


def _words(outlook: Outlook, flags: Mapping[str, object]) -> Iterator[str]:
    setup = outlook.advice.setup
    yield from ("--gpu", setup.gpu.key)
    if setup.shards > 1:
        yield from ("--gpus", str(setup.shards))
    if setup.model.id.lower() != ZEPHYR.lower():
        yield from ("--model", setup.model.id)
    if setup.engine != "tgi":
        yield from ("--engine", setup.engine)
    if setup.quantize:
        yield from ("--quantize", setup.quantize)
    for key, flag in REPEATED.items():
        if flags.get(key) is not None:
            yield from (flag, str(flags[key]))
    if flags.get("machine.spot"):
        yield "--spot"
