"""What a report says of the prompts that were sent."""

from __future__ import annotations

from typing import Literal

from zephyr_deploy.spec.base import Frozen


class PromptFacts(Frozen):
    """Where they came from, and whether their lengths are exact."""

    counted_by: Literal["server", "tokenizer", "estimate", "file"]
    """Who counted their tokens before they were sent; ``estimate`` and ``file``: nobody."""
    remarks: tuple[str, ...] = ()
    """What one should know of them, in whole sentences."""
