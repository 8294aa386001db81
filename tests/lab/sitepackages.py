"""The Python packages of the TGI image, brought by pip for Debian's Python, whatever Python runs the tests."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock
from lab.docker import LabError
from lab.places import LAB_DIR, private_dir

PACKAGES = (
    "aiohttp",
    "huggingface-hub",
    "llguidance",
    "minijinja",
    "platformdirs",
    "prometheus-client",
    "pydantic",
    "starlette",
    "uvicorn",
    "xllamacpp",
)
"""At the versions that are installed beside the tests."""
PINNED = ("hf-transfer==0.1.9",)
"""TGI's downloader, which nothing else here needs."""
NOT_NEEDED = ("hf_xet", "hf_xet-*", "bin", "*/tests", "*/test", "minijinja/*.pyi")
GLIBC = 36
"""Bookworm's C library is 2.36: it runs every wheel that asks for that or less."""
INSTALL_S = 300.0


def site_packages() -> Path:
    """A folder with the packages and what they need, made once for each set of versions.

    Raises:
        LabError: pip failed.
    """
    wanted = [*(f"{name}=={version(name)}" for name in PACKAGES), *PINNED]
    digest = hashlib.sha256("\n".join([*wanted, *NOT_NEEDED]).encode()).hexdigest()[:12]
    folder = LAB_DIR / "site-packages" / digest
    private_dir(folder.parent)
    with FileLock(f"{folder}.lock", timeout=2 * INSTALL_S):
        if not folder.is_dir():
            _install(wanted, folder)
    return folder


def _install(wanted: list[str], folder: Path) -> None:
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--only-binary=:all:"]
    done = subprocess.run(
        [*command, *_platform(), "--target", str(part), *wanted], capture_output=True, timeout=INSTALL_S, check=False
    )
    if done.returncode:
        raise LabError(f"pip: {done.stderr.decode(errors='replace')[-2000:]}")
    for pattern in NOT_NEEDED:
        for path in list(part.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if shutil.which("strip"):
        # The engine's library is four fifths symbols that nobody reads; every node would pull them.
        subprocess.run(["strip", "--strip-unneeded", *map(str, part.rglob("*.so"))], check=False, timeout=60)
    part.rename(folder)


def _platform() -> list[str]:
    machine = platform.machine()
    tags = [*(f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 16, -1)), f"manylinux2014_{machine}"]
    return ["--python-version", "3.11", *(word for tag in tags for word in ("--platform", tag))]
