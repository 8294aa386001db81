"""For which batch sizes TGI captures CUDA graphs."""

from __future__ import annotations

DEFAULT = (1, 2, 4, 8, 16, 32)
"""TGI's own."""
STEP = 8
LARGEST = 128
"""Larger batches are bound by the GPU's work, and no more by the launching of kernels."""
WITHOUT = frozenset({"bitsandbytes", "exl2"})
"""Values of quantize with which TGI captures none (launcher main.rs of v3.3.7)."""


def sizes(concurrency: int) -> tuple[int, ...]:
    """Batch sizes up to a concurrency, each that TGI looks for.

    TGI rounds a batch of more than 8 up to the next multiple of 8, and takes the graph of exactly that size or none
    (server/models/flash_causal_lm.py): with its default sizes, batches of 17 to 24 have none.
    """
    most = min(LARGEST, -(-concurrency // STEP) * STEP if concurrency > STEP else concurrency)
    small = tuple(size for size in (1, 2, 4, 8) if size == 1 or size // 2 < most)
    return (*small, *range(2 * STEP, most + 1, STEP))
