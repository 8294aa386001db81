"""Saving: whole or not at all, and elsewhere where it cannot be."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from zephyr_deploy.cli import saving
from zephyr_deploy.errors import CapacityError, UsageError


def full(monkeypatch, *names, number=errno.ENOSPC):
    """Files whose name has one of these words cannot be written."""
    real = os.fsync

    def fsync(file):
        if any(name in str(Path(f"/proc/self/fd/{file}").readlink()) for name in names):
            raise OSError(number, os.strerror(number))
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)


def test_it_is_written_whole(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("before")
    assert saving.save("now", path) is None
    assert path.read_text() == "now"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one(tmp_path):
    (tmp_path / "true.json").write_text("before")
    (tmp_path / "link.json").symlink_to("true.json")
    assert saving.save("now", tmp_path / "link.json") is None
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "true.json").read_text() == "now"


def test_what_is_no_file_is_written_to():
    assert saving.save("now", Path("/dev/null")) is None
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, CapacityError), (errno.EIO, UsageError)])
def test_on_a_full_disk_it_goes_elsewhere_and_what_was_there_stays(tmp_path, monkeypatch, number, kind):
    path, other = tmp_path / "report.json", tmp_path / "tmp"
    path.write_text("before")
    other.mkdir()
    monkeypatch.setattr(saving.tempfile, "tempdir", str(other))
    full(monkeypatch, "report.json", number=number)
    error = saving.save("now", path)
    (saved,) = other.iterdir()
    assert isinstance(error, kind)
    assert str(saved) in error.message
    assert error.hint == f"mv {saved} {path}"
    assert saved.read_text() == "now"
    assert path.read_text() == "before"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["report.json", "tmp"]


def test_nowhere_to_write_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(saving.tempfile, "tempdir", str(tmp_path / "gone"))
    full(monkeypatch, "report.json")
    error = saving.save("now", tmp_path / "report.json")
    assert "nor to" in error.message


def test_a_truly_full_device():
    error = saving.save("now" * 10_000, Path("/dev/full"))
    assert isinstance(error, CapacityError)
    Path(error.hint.split()[1]).unlink()
