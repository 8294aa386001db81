"""docs/python.md runs as it stands."""

import re
from pathlib import Path

import pytest

import zephyr_deploy

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text()


@pytest.mark.engine
@pytest.mark.timeout(180)
def test_the_example_runs(home):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    try:
        exec(compile(code, "docs/python.md", "exec"), {})
    finally:
        zephyr_deploy.down("demo", grace_s=0)


def test_the_page_names_every_public_name():
    missing = [name for name in zephyr_deploy.__all__ if f"`{name}" not in PAGE and f"{name}(" not in PAGE]
    assert missing in (["Endpoint", "__version__"], [])
