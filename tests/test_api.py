"""The package's public face."""

import subprocess
import sys

import pytest

import zephyr_deploy


@pytest.mark.parametrize("name", zephyr_deploy.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(zephyr_deploy, name)
    assert value.__doc__
    if callable(value):
        assert value.__module__.startswith("zephyr_deploy.")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = zephyr_deploy.nothing


def test_importing_the_package_imports_nothing_else():
    code = "import sys, zephyr_deploy; print([m for m in sys.modules if 'pydantic' in m or 'zephyr_deploy.' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_verbs_of_the_issue_can_be_imported():
    from zephyr_deploy import Deployment, up

    assert Deployment().name == "zephyr"
    assert callable(up)
