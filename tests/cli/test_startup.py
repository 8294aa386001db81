"""What ``--help`` may import: it is typed most often and must answer at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

FORBIDDEN = {
    "aiohttp",
    "boto3",
    "botocore",
    "fabric",
    "httpx",
    "huggingface_hub",
    "jinja2",
    "paramiko",
    "prometheus_client",
    "psutil",
    "pydantic",
    "requests",
    "starlette",
    "tenacity",
    "text_generation",
    "uvicorn",
    "xllamacpp",
}
"""pydantic too: Typer imports it only to read values, and its import takes half as long as all of Typer."""


def imported(*argv: str) -> set[str]:
    """Top-level packages that one call of the program imports."""
    command = [sys.executable, "-X", "importtime", "-m", "zephyr_deploy", *argv]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    modules = [line.rpartition("|")[2].strip() for line in ran.stderr.splitlines() if line.startswith("import time:")]
    assert "zephyr_deploy.cli.main" in modules
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize("argv", [("--help",), ("--version",), ()])
def test_help_and_version_import_nothing_heavy(argv):
    assert not imported(*argv) & FORBIDDEN


@pytest.mark.parametrize("name", ["up", "down", "status", "logs", "bench", "offers", "plan", "gpus", "doctor"])
def test_help_of_a_verb_imports_nothing_heavy(name):
    assert not imported(name, "--help") & (FORBIDDEN - {"pydantic"})  # Typer reads the global options with it


def test_a_verb_imports_no_other_verb():
    script = (
        "import sys\n"
        "from zephyr_deploy.cli.main import build\n"
        "build(['status'])\n"
        "assert 'zephyr_deploy.cli.status' in sys.modules\n"
        "assert 'zephyr_deploy.cli.up' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
