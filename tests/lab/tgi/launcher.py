"""``text-generation-launcher``: check, download, load, warm up, serve, drain; TGI's exit codes and milestones."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from lab.tgi import arguments
from lab.tgi.failure import ordered
from lab.tgi.log import Log, fatal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.engines.tgi.flags import TgiFlags

TOTAL_TOKENS = 2048
"""Default of ``max_total_tokens``; TGI measures the GPU's memory instead."""


def main(argv: Sequence[str]) -> int:
    """Run TGI; 0 after a stop that was asked for, 1 when it fails, 2 for arguments that clap refuses."""
    flags = arguments.read(argv, os.environ)
    out = Log(as_json=bool(flags.json_output))
    out.info(arguments.debug(flags))
    total = flags.max_total_tokens or TOTAL_TOKENS
    inputs = flags.max_input_tokens or flags.max_input_length or total - 1
    if problem := _problem(flags, inputs, total):
        fatal(problem)
        return 1
    _say_defaults(flags, inputs, out)
    if not _download(flags, out):
        fatal("DownloadError")
        return 1
    from lab.tgi.serve import Tgi

    return asyncio.run(Tgi(flags, inputs, total, out, ordered(os.environ.get("LAB_FAIL"))).run())


def _problem(flags: TgiFlags, inputs: int, total: int) -> str | None:
    """What the launcher refuses before it does anything, as Rust prints the error."""
    text = None
    if flags.max_input_tokens is not None and flags.max_input_length is not None:
        text = (
            f"Both `max_input_tokens` ({flags.max_input_tokens}) and `max_input_length` ({flags.max_input_length}) "
            "are set. Please define only `max_input_tokens` as `max_input_length is deprecated for naming consistency."
        )
    elif inputs >= total:
        text = f"`max_input_tokens`({inputs}) must be < `max_total_tokens`({total})"
    elif flags.max_batch_total_tokens is not None and total > flags.max_batch_total_tokens:
        given = f"Given: {total} and {flags.max_batch_total_tokens}"
        text = f"`max_total_tokens` must be <= `max_batch_total_tokens`. {given}"
    elif flags.validation_workers == 0:
        text = "`validation_workers` must be > 0"
    elif flags.num_shard < 1:
        text = "`num_shard` cannot be < 1"
    return f'ArgumentValidation("{text}")' if text else None


def _say_defaults(flags: TgiFlags, inputs: int, out: Log) -> None:
    if shutil.which("nvidia-smi") is None:
        out.warn("Cannot determine GPU compute capability: the container sees no GPU")
        out.info("Detected system cpu", "shard-manager")
    attention = os.environ.get("ATTENTION", "flashinfer")
    out.info(f"Using attention {attention} - Prefix caching {os.environ.get('PREFIX_CACHING', 'true')}")
    if flags.num_shard > 1:
        out.info(f"Sharding model on {flags.num_shard} processes")
    if flags.max_batch_prefill_tokens is None:
        out.info(f"Default `max_batch_prefill_tokens` to {inputs}")
    if flags.cuda_graphs is None:
        out.info("Using default cuda graphs [1, 2, 4, 8, 16, 32]")


def _download(flags: TgiFlags, out: Log) -> bool:
    out.info(f"Starting check and download process for {flags.model_id}", "download")
    command = [sys.executable, "-m", "lab.tgi.server", "download-weights", flags.model_id]
    command += ["--revision", flags.revision] if flags.revision is not None else []
    command += ["--json-output"] if flags.json_output else []
    cache = flags.huggingface_hub_cache
    env = dict(os.environ) | ({"HF_HUB_CACHE": cache} if cache else {}) | {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    env.pop("REVISION", None)
    done = subprocess.run(command, env=env, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        out.error(f"Download encountered an error: \n{done.stderr}", "download")
        return False
    out.info(f"Successfully downloaded weights for {flags.model_id}", "download")
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
