"""Libraries that are loaded when one of their names is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = (
    "import sys\nfrom zephyr_deploy.later import put_off\nput_off('invoke')\nimport zephyr_deploy.node.connection\n"
)
METADATA = (
    "import sys\nfrom zephyr_deploy.later import put_off\nput_off('importlib.metadata', 'entry_points')\n"
    "from importlib.metadata import entry_points\n"
    "assert 'importlib.metadata._adapters' not in sys.modules\n"
)
LIBRARY = "import sys\nimport zephyr_deploy.node.connection\n"


@pytest.mark.parametrize(
    "code",
    [
        PROGRAM + "assert 'paramiko' in sys.modules and 'invoke.config' not in sys.modules",
        PROGRAM + "import fabric, invoke\nfrom paramiko import config\nassert invoke.run is config.invoke.run",
        LIBRARY + "assert type(sys.modules['invoke']).__name__ == 'module'",
    ],
    ids=["put off", "used by others", "never in a library"],
)
def test_invoke(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "assert entry_points(group='console_scripts')",
        "import importlib.metadata\nassert importlib.metadata.version('pydantic')",
        "from importlib.metadata import PackageNotFoundError, version\nassert version('pydantic')",
        (
            "entry_points(group='x')\nimport importlib, importlib.metadata as m\n"
            "assert m is importlib.metadata and type(m).__name__ == 'module'"
        ),
    ],
    ids=["called", "by the package", "by name", "put off no longer"],
)
def test_a_function_that_is_imported_by_name(code):
    done = subprocess.run([sys.executable, "-c", METADATA + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
