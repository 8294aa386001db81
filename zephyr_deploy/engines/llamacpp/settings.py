"""What the embedded service is told: one JSON file, the whole of its release."""

from __future__ import annotations

from pydantic import Field

from zephyr_deploy.spec.base import Frozen

API_KEY_ENV = "ZEPHYR_API_KEY"
"""Environment variable that hands the service its key: never argv, never a file of the release."""
NO_DONE = "--no-done"
"""The one argument that ``engine.args`` may hold: no ``[DONE]``, for text-generation 0.7.0's own chat streaming."""


class ServiceSettings(Frozen):
    """Settings of gateway and engine together; names and defaults are TGI's where TGI has the setting."""

    model_path: str
    """Absolute path of the GGUF file."""
    model_id: str
    """What ``/info`` and ``/v1/models`` call it."""
    model_sha256: str
    parallel: int = 4
    """Requests computed at once (llama.cpp's slots)."""
    threads: int = 1
    max_input_tokens: int = 1024
    max_total_tokens: int = 2048
    """Prompt plus answer of one request; the engine's context is this times ``parallel``."""
    max_concurrent_requests: int = 128
    max_best_of: int = 2
    max_stop_sequences: int = 4
    max_top_n_tokens: int = 5
    max_client_batch_size: int = 4
    payload_limit: int = 2_000_000
    """Longest request body in bytes."""
    done: bool = True
    """Whether OpenAI's streams end with ``data: [DONE]``, as TGI's do; text-generation 0.7.0 cannot read it."""
    drain_s: int = 30
    """How long running requests may take to end after SIGTERM, in seconds."""
    engine_env: dict[str, str] = Field(default_factory=dict)
    """More environment for the engine's process."""
