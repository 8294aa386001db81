"""What a user gets who installs the wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import zephyr_deploy

ROOT = Path(__file__).resolve().parents[1]
TOP = ("pyproject.toml", "zephyr_deploy", "templates", "playbooks", "tests", "examples", ".github")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling", reason="the build backend is not installed: make setup")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT]
    subprocess.run(command, check=True, timeout=100, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_carries_templates_playbooks_and_data(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = [
        *(ROOT / "templates").rglob("*.jinja"),
        *(ROOT / "playbooks").rglob("*.yml"),
    ]
    assert wanted
    assert {f"zephyr_deploy/{path.relative_to(ROOT)}" for path in wanted} <= names
    data = [p for p in (ROOT / "zephyr_deploy").rglob("*") if p.suffix in {".json", ".toml", ".txt", ".typed"}]
    assert {str(path.relative_to(ROOT)) for path in data} <= names
    assert not any(name.startswith("tests/") for name in names)


def test_an_installed_wheel_finds_its_templates(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "from zephyr_deploy.resources import resource; print(resource('templates', 'chat', 'zephyr.jinja'))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60
    )
    assert done.stdout.startswith(str(tmp_path))


def test_the_top_level_is_what_the_project_promises():
    assert [name for name in TOP if not (ROOT / name).exists()] == []


def test_the_changelog_begins_with_what_is_unreleased():
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text()
    assert zephyr_deploy.__version__.endswith(".dev0")
