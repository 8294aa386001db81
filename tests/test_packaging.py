"""What a user gets who installs the wheel."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import zephyr_deploy

ROOT = Path(__file__).resolve().parents[1]
TOP = (
    *("pyproject.toml", "zephyr_deploy", "templates", "playbooks", "tests", "examples", "docs", "benchmarks"),
    *(".ci/run", ".github/workflows/ci.yml", "Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"),
)
INDEX_HOSTS = re.compile(rb"(pypi|pythonhosted|npmjs)\.(org|com)")
PINNED = re.compile(r"^\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
OURS = re.compile(r"^zephyr-deploy/zephyr-deploy/\.github/actions/\w+@0{40} # the commit of the version that you use$")
"""In an example: its user puts in the commit."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling", reason="the build backend is not installed: make setup")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT]
    subprocess.run(command, check=True, timeout=100, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def tracked():
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: there is no git to ask")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return [path for path in listed.stdout.splitlines() if (ROOT / path).is_file()]


def files(*folders):
    return [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]


def test_the_wheel_carries_templates_playbooks_and_data(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"zephyr_deploy/{path.relative_to(ROOT)}" for path in files("templates", "playbooks")}
    data = {
        str(path.relative_to(ROOT))
        for path in files("zephyr_deploy")
        if path.suffix not in {".py", ".pyc"} and not {"templates", "playbooks"} & set(path.parts)
    }
    assert shipped
    assert data
    assert shipped | data <= names
    assert not any(name.startswith("tests/") for name in names)
    assert any(name.endswith("/licenses/LICENSE") for name in names)


@pytest.mark.parametrize("parts", [("templates", "chat", "zephyr.jinja"), ("playbooks", "check.yml")])
def test_an_installed_wheel_finds_its_files(wheel, tmp_path, parts):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "import sys; from zephyr_deploy.resources import resource; print(resource(*sys.argv[1:]))"
    command = [sys.executable, "-c", code, *parts]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60)
    assert done.stdout.strip() == str(tmp_path.joinpath("zephyr_deploy", *parts))


def test_the_top_level_is_what_the_project_promises():
    assert [name for name in TOP if not (ROOT / name).exists()] == []


def test_the_changelog_begins_with_this_version():
    version = "Unreleased" if ".dev" in zephyr_deploy.__version__ else zephyr_deploy.__version__
    first = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first
    assert first[1] == version


def test_no_file_names_a_package_index(tracked):
    """Which index is asked is for the user's own pip to know."""
    assert [path for path in tracked if INDEX_HOSTS.search((ROOT / path).read_bytes())] == []


def test_every_action_is_pinned_by_its_commit(tracked):
    places = (".github/workflows/", ".github/actions/", "examples/github/")
    workflows = [path for path in tracked if path.startswith(places) and path.endswith(".yml")]
    used = [
        use
        for path in workflows
        for use in re.findall(r"^ *(?:- )?uses: (.+)", (ROOT / path).read_text(), re.MULTILINE)
    ]
    assert used
    others = [use for use in used if not OURS.match(use)]
    assert [use for use in others if not PINNED.match(use)] == []
