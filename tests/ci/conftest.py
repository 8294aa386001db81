"""A machine of GitHub's, as far as tests need one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ci.runner import ROOT, Runner
from ci.stand_ins import programs, stand_ins

EXAMPLES = ROOT / "examples" / "github"
ROLE = "arn:aws:iam::123456789012:role/deploy"


@pytest.fixture
def repository(tmp_path) -> Path:
    """What the user's repository has on its main branch."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "zephyr.toml").write_text('name = "demo"\nprovider = "aws"\n[machine]\ngpu = "l4"\n')
    return folder


@pytest.fixture
def github(tmp_path, repository) -> Callable[..., Runner]:
    """A runner with the repository, in which everybody's actions are stood in for."""

    def make(refs=None, credentials=None, **more) -> Runner:
        stand = stand_ins({"": repository, **(refs or {})}, tmp_path / "store", credentials)
        runner = Runner(tmp_path / "runner", stand, **more)
        programs(runner)
        return runner

    return make
