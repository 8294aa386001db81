import stat
from pathlib import Path

import pytest

from zephyr_deploy import paths
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.resources import resource


@pytest.mark.parametrize(
    ("function", "variable", "xdg"),
    [
        (paths.state_dir, "ZEPHYR_STATE_DIR", "XDG_STATE_HOME"),
        (paths.cache_dir, "ZEPHYR_CACHE_DIR", "XDG_CACHE_HOME"),
    ],
)
def test_folders_follow_the_environment(function, variable, xdg, monkeypatch, tmp_path):
    monkeypatch.setenv(xdg, str(tmp_path / "xdg"))
    monkeypatch.delenv(variable, raising=False)
    assert function() == tmp_path / "xdg" / "zephyr-deploy"
    monkeypatch.setenv(variable, str(tmp_path / "own"))
    assert function() == tmp_path / "own"
    assert not function().exists()


def test_the_users_own_files_are_where_xdg_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert paths.config_dir() == tmp_path / "zephyr-deploy"


def test_private_folders_are_the_users_alone(tmp_path):
    folder = paths.private_dir(tmp_path / "a" / "b")
    assert paths.private_dir(folder) == folder
    for made in (folder, folder.parent):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_folder_that_vanishes_meanwhile_is_made_again(tmp_path, monkeypatch):
    mkdir, vanished = Path.mkdir, []

    def racing(self, *args, **kwargs):
        if self.name == "b" and not vanished:
            vanished.append((tmp_path / "a").rmdir())
        mkdir(self, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", racing)
    assert paths.private_dir(tmp_path / "a" / "b").is_dir()
    assert len(vanished) == 1


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(ConfigError, match="cannot be made") as caught:
        paths.private_dir(tmp_path / "a" / "b")
    assert "ZEPHYR_STATE_DIR" in caught.value.hint


def test_a_folder_that_can_never_be_is_not_said_to_vanish():
    with pytest.raises(ConfigError, match=r"/proc/x/y cannot be made: No such file") as caught:
        paths.private_dir(Path("/proc/x/y"))
    assert "ZEPHYR_STATE_DIR" in caught.value.hint


@pytest.mark.parametrize(
    ("function", "variable"), [(paths.state_dir, "ZEPHYR_STATE_DIR"), (paths.cache_dir, "ZEPHYR_CACHE_DIR")]
)
def test_a_relative_folder_would_be_another_in_every_folder(function, variable, monkeypatch):
    monkeypatch.setenv(variable, "rel")
    with pytest.raises(ConfigError, match=f"{variable}=rel is not an absolute path") as caught:
        function()
    assert caught.value.hint == f'export {variable}="$PWD/rel"'


def test_resources_are_found_and_missing_ones_named():
    assert resource("templates").is_dir()
    with pytest.raises(FileNotFoundError, match=r"templates/nothing\.jinja"):
        resource("templates", "nothing.jinja")


def test_state_is_kept_apart_by_deployment(monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", "/s")
    assert paths.deployment_dir("demo") == Path("/s/deployments/demo")
