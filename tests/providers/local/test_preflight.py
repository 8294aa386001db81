import ctypes
import importlib.util
import platform

import pytest

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.providers.local.preflight import need_avx2, preflight


def test_this_machine_is_fit():
    preflight()


def test_a_missing_extra_is_named_with_the_command(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "xllamacpp" else found(name))
    with pytest.raises(ConfigError, match=r"not installed \(xllamacpp\)") as caught:
        preflight()
    assert caught.value.hint == "pip install 'zephyr-deploy[local]'"
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    with pytest.raises(ConfigError) as caught:
        preflight()
    assert "musl" in caught.value.hint


def test_a_missing_library_is_named(monkeypatch):
    def absent(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(ConfigError, match=r"libgomp\.so\.1") as caught:
        preflight()
    assert "apt-get install libgomp1" in caught.value.hint


@pytest.mark.parametrize(
    ("machine", "flags", "fit"),
    [("x86_64", "avx sse2", False), ("x86_64", "avx avx2", True), ("aarch64", "avx", True), ("x86_64", None, True)],
)
def test_the_processor(tmp_path, monkeypatch, machine, flags, fit):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    cpuinfo = tmp_path / "cpuinfo"
    if flags is not None:
        cpuinfo.write_text(f"processor : 0\nflags\t\t: fpu {flags}\n")
    if fit:
        need_avx2(cpuinfo)
    else:
        with pytest.raises(ConfigError, match="AVX2"):
            need_avx2(cpuinfo)
