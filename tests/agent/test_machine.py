from __future__ import annotations

import pytest

from zephyr_deploy.agent import machine


@pytest.mark.parametrize(
    ("devices", "count"),
    [
        ({}, 0),
        ({"0000:01:00.0": ("0x10de", "0x030200")}, 1),
        ({"0000:01:00.0": ("0x10de", "0x030000"), "0000:02:00.0": ("0x10de", "0x030200")}, 2),
        ({"0000:01:00.1": ("0x10de", "0x040300")}, 0),
        ({"0000:00:02.0": ("0x8086", "0x030000")}, 0),
    ],
    ids=["none", "one", "two", "its sound", "another's"],
)
def test_gpus_are_seen_without_a_driver(tmp_path, monkeypatch, devices, count):
    monkeypatch.setattr(machine, "PCI", tmp_path)
    for address, (vendor, kind) in devices.items():
        folder = tmp_path / address
        folder.mkdir()
        (folder / "vendor").write_text(f"{vendor}\n")
        (folder / "class").write_text(f"{kind}\n")
    (tmp_path / "0000:09:00.0").mkdir()
    assert machine.look()["nvidia_devices"] == count
