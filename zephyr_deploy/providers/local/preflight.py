"""Whether the embedded engine can run on this machine at all."""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from zephyr_deploy.errors import ConfigError

MODULES = ("xllamacpp", "starlette", "uvicorn", "prometheus_client", "llguidance")
"""The extra ``local``."""
CPUINFO = Path("/proc/cpuinfo")


def preflight() -> None:
    """Check what the engine's wheel needs of the machine; costs milliseconds and loads nothing of the engine.

    Raises:
        ConfigError: something is missing; the hint says how to get it.
    """
    for need in NEEDS.values():
        need()


def need_engine() -> None:
    """The extra ``local`` is installed."""
    missing = [name for name in MODULES if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f"the embedded engine is not installed ({', '.join(missing)})", hint=_how_to_install())


def _how_to_install() -> str:
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        return "xllamacpp has no wheel for musl (Alpine): use a Debian, Ubuntu or Fedora based system."
    return "pip install 'zephyr-deploy[local]'"


def need_openmp() -> None:
    """OpenMP's library, which the engine's wheel does not carry, is installed."""
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError as error:
        raise ConfigError(
            "the library libgomp.so.1 is missing, which the embedded engine needs",
            hint="apt-get install libgomp1 (Debian, Ubuntu) or dnf install libgomp (Fedora)",
        ) from error


def need_avx2(cpuinfo: Path = CPUINFO) -> None:
    """The processor has what the x86_64 wheel is built for: without, the engine dies of an illegal instruction."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return
    flags = next((line.split() for line in lines if line.startswith("flags")), None)
    if flags is not None and "avx2" not in flags:
        raise ConfigError(
            "this processor has no AVX2, which the embedded engine is built for",
            hint="Use a machine with an Intel Haswell (2013), AMD Excavator (2015) or newer processor.",
        )


NEEDS: dict[str, Callable[[], None]] = {"embedded engine": need_engine, "libgomp": need_openmp, "processor": need_avx2}
"""Every need, by the name that `doctor` shows; each raises `ConfigError` where it is not met."""
