"""Reports that are kept by deployment."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from bench.simulated import closed, report

from zephyr_deploy.deploy.forget import forget_state
from zephyr_deploy.deploy.kept import (
    MOST,
    forget_reports,
    keep_report,
    kept_dir,
    kept_names,
    kept_reports,
    report_named,
)
from zephyr_deploy.errors import CapacityError, ConfigError, UsageError


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("ZEPHYR_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def level():
    return closed(1, 2, 16)


def without_log(found):
    return found.model_copy(update={"levels": tuple(one.model_copy(update={"log": ()}) for one in found.levels)})


def test_comes_back_whole_and_is_listed_without_its_records(level):
    whole = report(level, closed(2, 4, 16))
    keep_report(whole)
    assert report_named("demo") == whole
    assert [kept.report for kept in kept_reports("demo")] == [without_log(whole)]
    assert kept_names() == ["demo"]


def test_by_place_by_release_and_by_file(level, tmp_path):
    reports = [report(level, release=release, hour=hour) for hour, release in enumerate(("aa11", "bb22", "aa11"))]
    for one in reversed(reports):
        keep_report(one)
    assert report_named("demo") == report_named("demo@-1") == reports[2]
    assert report_named("demo@-3") == reports[0]
    assert report_named("demo@aa") == reports[2]
    assert report_named("demo@bb22") == reports[1]
    file = tmp_path / "saved.json"
    file.write_text(reports[1].model_dump_json())
    assert report_named(str(file)) == reports[1]
    assert report_named(str(kept_reports("demo")[0].path)) == reports[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("demo@-2", "1 of demo are kept"),
        ("demo@cc", "1 of demo are kept"),
        ("other", "no benchmark of other is kept here"),
        ("demo@-0", "neither a file nor a deployment"),
        ("../demo", "cannot be read"),
        ("no-such.json", "cannot be read"),
        ("De Mo", "neither a file nor a deployment"),
    ],
)
def test_what_is_not_there_is_said(level, text, said):
    keep_report(report(level))
    with pytest.raises((UsageError, ConfigError), match=said) as caught:
        report_named(text)
    assert caught.value.hint


def test_only_deployments_are_kept(level):
    assert keep_report(report(level, release=None)) is None
    assert kept_names() == []


def test_the_oldest_go():
    empty = report(closed(1, 1, 0))
    for second in range(MOST + 3):
        keep_report(empty.model_copy(update={"started_at": empty.started_at.replace(second=second)}))
    kept = kept_reports("demo")
    assert len(kept) == MOST
    assert (kept[0].at.second, kept[-1].at.second) == (3, MOST + 2)


def test_what_is_damaged_is_passed_over(level):
    good = keep_report(report(level))
    data = good.read_bytes()
    good.with_name(f"2{good.name}").write_bytes(data[: len(data) // 2])
    good.with_name(f"3{good.name}").write_bytes(b"no gzip")
    assert next(kept.path for kept in kept_reports("demo")) == good
    with pytest.raises(ConfigError, match="damaged"):
        report_named(str(good.with_name(f"2{good.name}")))


def test_a_full_disk_is_a_lack_of_capacity_and_leaves_nothing(level, monkeypatch):
    def full(_path, _data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CapacityError, match="No space left"):
        keep_report(report(level))
    assert list(kept_dir("demo").iterdir()) == []


def test_forgotten_by_purge_alone(level):
    path = keep_report(report(level))
    path.with_name(f".{path.name}.part").write_bytes(b"half")  # the command was killed meanwhile
    assert forget_state("demo") == []
    assert forget_state("demo", purge=True) == ["1 benchmark of demo"]
    assert not kept_dir("demo").parent.exists()
    assert forget_reports("demo") == []
