import stat

import pytest

from zephyr_deploy.paths import deployment_dir
from zephyr_deploy.providers.local.folder import Folder, write_private
from zephyr_deploy.release.release import release_of


@pytest.fixture
def folder(home):
    return Folder("mine")


def test_the_key_is_made_once_and_kept(folder):
    assert folder.known_api_key() is None
    key = folder.api_key()
    assert len(key.get_secret_value()) >= 43, "256 bits"
    assert Folder("mine").api_key() == key
    assert Folder("other").api_key() != key


def test_everything_is_for_this_user_alone(folder):
    folder.api_key()
    folder.write_release(release_of({"service.json": "{}"}))
    for path in [deployment_dir("mine"), *deployment_dir("mine").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_release_lies_under_its_name(folder):
    release = release_of({"service.json": "{}"})
    path = folder.write_release(release)
    assert path.read_text() == "{}"
    assert path.parent.name == release.id


def test_the_log_before_is_kept(folder):
    folder.api_key()
    folder.turn_log()
    folder.log.write_text("first")
    folder.turn_log()
    assert not folder.log.exists()
    assert folder.log.with_name("service.log.1").read_text() == "first"


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "f"
    write_private(path, "old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        write_private(path, "new")
    assert path.read_text() == "old"
