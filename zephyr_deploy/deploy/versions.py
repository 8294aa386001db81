"""The versions of this tool, of Python, and of the libraries it stands on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Any

from zephyr_deploy import __version__

LIBRARIES = (
    "boto3",
    "fabric",
    "huggingface-hub",
    "jinja2",
    "paramiko",
    "pydantic",
    "text-generation",
    "typer",
    "xllamacpp",
)


def versions() -> dict[str, Any]:
    """All of them; None for a library that is not installed."""
    return {
        "zephyr_deploy": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: _installed(name) for name in LIBRARIES},
    }


def _installed(name: str) -> str | None:
    try:
        return installed(name)
    except PackageNotFoundError:
        return None
