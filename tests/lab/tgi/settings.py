"""From TGI's flags to the settings of the gateway and the engine within."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lab.tgi.weights import weight_files

from zephyr_deploy.engines.llamacpp.settings import ServiceSettings

if TYPE_CHECKING:
    from zephyr_deploy.engines.tgi.flags import TgiFlags

SHARED = (
    "max_concurrent_requests",
    "max_best_of",
    "max_stop_sequences",
    "max_top_n_tokens",
    "max_client_batch_size",
    "payload_limit",
)
"""Settings that the gateway has under TGI's names, with TGI's defaults."""


def service_settings(flags: TgiFlags, inputs: int, total: int, folder: Path) -> ServiceSettings:
    """Settings for the weights in ``folder``; ``inputs`` and ``total`` are TGI's two limits, in tokens."""
    said = {name: value for name in SHARED if (value := getattr(flags, name)) is not None}
    return ServiceSettings(
        model_path=str(weight_files(folder)[0].resolve()),
        model_id=flags.model_id,
        model_sha256="",
        parallel=2,
        threads=os.cpu_count() or 1,
        max_input_tokens=inputs,
        max_total_tokens=total,
        **said,
    )


def tokenizer_config(flags: TgiFlags, folder: Path) -> Path | None:
    """The file that the chat template comes from; None where there is none."""
    if flags.tokenizer_config_path is not None:
        return Path(flags.tokenizer_config_path)
    path = folder / "tokenizer_config.json"
    return path if path.is_file() else None
